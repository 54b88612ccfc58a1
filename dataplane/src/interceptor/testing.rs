//! What the tests of interceptors share.

use crate::config::Kind;
use crate::event::Draft;
use crate::pipeline::testing::settings;
use crate::pipeline::{InterceptCx, Interceptor};
use crate::reactor::HostNames;

/// The headers of two events, of which the first had `own` before, after an interceptor of `kind`. The clock shows 42,
/// and the host is called as given.
pub(crate) fn headers(
    kind: &Kind<dyn Interceptor>,
    pairs: &[(&str, &str)],
    own: (&str, &str),
    host: &HostNames,
) -> [Vec<(String, String)>; 2] {
    let interceptor = (kind.build)(&settings("a1.sources.r1.interceptors.i1", pairs)).unwrap();
    let mut draft = Draft::default();
    let first = draft.push(b"first");
    draft.push(b"second");
    draft.set_header(first, own.0, own.1);
    let mut cx = InterceptCx { now_ms: 42, host, random: &mut || 0 };
    interceptor.intercept(&mut draft, &mut cx).unwrap();
    [0, 1].map(|event| draft.headers(event).iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
}

/// One header.
pub(crate) fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
