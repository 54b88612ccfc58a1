//! One key of a component, declared once: it drives parsing, defaults, range errors, `ctl check`, did-you-mean and the
//! reference page.

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Not a number, or a number without a unit (a port, a factor).
    None,
    /// Bytes.
    Bytes,
    /// Characters as Java counts them: UTF-16 units.
    Characters,
    /// Events.
    Events,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Per cent.
    Percent,
}

impl Unit {
    /// The unit as the reference page prints it; empty for [`Unit::None`].
    pub fn name(self) -> &'static str {
        match self {
            Unit::None => "",
            Unit::Bytes => "bytes",
            Unit::Characters => "characters",
            Unit::Events => "events",
            Unit::Micros => "us",
            Unit::Millis => "ms",
            Unit::Seconds => "s",
            Unit::Percent => "%",
        }
    }
}

/// Why a text is not a value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// Java's `Integer.parseInt` or `Long.parseLong` refuses it.
    #[error("\"{text}\" is not a whole number")]
    NotANumber {
        /// The text found.
        text: String,
    },
    /// Below the smallest value.
    #[error("{value} is below {min}")]
    Below {
        /// The value found.
        value: i128,
        /// The smallest value allowed.
        min: i128,
    },
    /// Above the largest value.
    #[error("{value} is above {max}")]
    Above {
        /// The value found.
        value: i128,
        /// The largest value allowed.
        max: i128,
    },
    /// Not one of a list of words.
    #[error("\"{text}\" is not one of {allowed}")]
    NotOneOf {
        /// The text found.
        text: String,
        /// The words allowed, comma separated.
        allowed: &'static str,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What Flume does when the value of a setting is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBad {
    /// The component does not run.
    DropComponent,
    /// The default is used, with a warning.
    UseDefault,
}

/// One key of a component with its type, default, unit and sentence.
pub struct Setting<T: 'static> {
    /// The key below the component, exactly as Flume spells it.
    pub key: &'static str,
    /// Default as text; parsed by `parse` like any value. `None`: the key is required, or absent means off.
    pub default: Option<&'static str>,
    /// True when the component cannot run without it.
    pub required: bool,
    /// What a number counts.
    pub unit: Unit,
    /// True when the value must never be printed.
    pub secret: bool,
    /// What happens at a bad value.
    pub on_bad: OnBad,
    /// Text to value.
    pub parse: fn(&str) -> Result<T, BadValue>,
    /// Values allowed, for people: "1 to 2147483647", "true, false". Empty: any text.
    pub allowed: &'static str,
    /// One sentence, ending in a full stop.
    pub doc: &'static str,
}

impl<T> Setting<T> {
    /// An optional setting without a default; the fields are changed with struct update syntax.
    pub const fn new(
        key: &'static str,
        parse: fn(&str) -> Result<T, BadValue>,
        allowed: &'static str,
        doc: &'static str,
    ) -> Self {
        Setting {
            key,
            default: None,
            required: false,
            unit: Unit::None,
            secret: false,
            on_bad: OnBad::DropComponent,
            parse,
            allowed,
            doc,
        }
    }

    /// With this default.
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// The component cannot run without it.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// With this unit.
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// A bad value is replaced by the default, with a warning.
    pub const fn bad_is_default(mut self) -> Self {
        self.on_bad = OnBad::UseDefault;
        self
    }

    /// The value is never printed.
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// A [`Setting`] without its type, for lists.
pub trait AnySetting: Sync {
    /// See [`Setting::key`].
    fn key(&self) -> &'static str;
    /// See [`Setting::doc`].
    fn doc(&self) -> &'static str;
    /// See [`Setting::unit`].
    fn unit(&self) -> Unit;
    /// See [`Setting::default`].
    fn default_text(&self) -> Option<&'static str>;
    /// See [`Setting::required`].
    fn is_required(&self) -> bool;
    /// See [`Setting::secret`].
    fn is_secret(&self) -> bool;
    /// See [`Setting::on_bad`].
    fn on_bad(&self) -> OnBad;
    /// See [`Setting::allowed`].
    fn allowed(&self) -> &'static str;
    /// Whether `text` is a value of this setting.
    fn check(&self, text: &str) -> Result<(), BadValue>;
}

impl<T> AnySetting for Setting<T> {
    fn key(&self) -> &'static str {
        self.key
    }
    fn doc(&self) -> &'static str {
        self.doc
    }
    fn unit(&self) -> Unit {
        self.unit
    }
    fn default_text(&self) -> Option<&'static str> {
        self.default
    }
    fn is_required(&self) -> bool {
        self.required
    }
    fn is_secret(&self) -> bool {
        self.secret
    }
    fn on_bad(&self) -> OnBad {
        self.on_bad
    }
    fn allowed(&self) -> &'static str {
        self.allowed
    }
    fn check(&self, text: &str) -> Result<(), BadValue> {
        (self.parse)(text).map(|_| ())
    }
}
