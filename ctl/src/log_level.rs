//! `ctl log-level`: shows and changes how much the agent's own log says.

use crate::failure::Failure;
use crate::find;
use crate::output::Output;
use crate::text;
use dataplane::control::{LogLevelRequest, LogLevels};
use std::path::Path;

/// Shows the levels, after changing one if asked to.
pub(crate) async fn run(
    name: Option<&str>,
    control: Option<&Path>,
    wish: Option<&str>,
    out: &mut Output,
) -> Result<(), Failure> {
    let target = find::target(name, control).await?;
    let answer = match wish.map(parse) {
        Some(wish) => target.client.post("/log-level", &wish, crate::client::PATIENCE).await,
        None => target.client.get("/log-level").await,
    };
    let levels: LogLevels = answer.map_err(|e| e.explain(&target.name, target.client.path()))?;
    out.line(&format!("root = {}", text::clean(&levels.root)));
    for (logger, level) in &levels.loggers {
        out.line(&format!("{} = {}", text::clean(logger), text::clean(level)));
    }
    Ok(())
}

/// `DEBUG`, or `org.apache.flume.source=DEBUG`.
fn parse(text: &str) -> LogLevelRequest {
    match text.split_once('=') {
        Some((logger, level)) if !logger.trim().eq_ignore_ascii_case("root") => {
            LogLevelRequest { logger: Some(logger.trim().to_owned()), level: level.trim().to_owned() }
        }
        Some((_, level)) => LogLevelRequest { logger: None, level: level.trim().to_owned() },
        None => LogLevelRequest { logger: None, level: text.trim().to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_may_name_a_logger() {
        let wish = |logger: Option<&str>, level: &str| LogLevelRequest {
            logger: logger.map(str::to_owned),
            level: level.to_owned(),
        };
        assert_eq!(parse("DEBUG"), wish(None, "DEBUG"));
        assert_eq!(parse("root=warn"), wish(None, "warn"));
        assert_eq!(parse("org.apache.flume = TRACE"), wish(Some("org.apache.flume"), "TRACE"));
    }
}
