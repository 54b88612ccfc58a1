//! Sink groups and the sinks that stand alone: who runs together, and under which processor.

use super::Build;
use crate::agent::plan::hierarchy::List;
use crate::agent::plan::kinds::{self, ComponentKind, Fault, Part};
use crate::agent::plan::validate::Validated;
use crate::agent::plan::{RunnerPlan, SinkPlan};
use crate::config::{Role, Settings};
use crate::pipeline::SinkProcessor;
use crate::registry::{self, flume};

impl Build<'_> {
    /// Groups, then every sink that stands alone.
    pub(super) fn runners(&mut self, left: &Validated) -> Vec<RunnerPlan> {
        let mut runners = Vec::new();
        for (group, members) in &left.groups {
            runners.extend(self.group(group, members));
        }
        let group_names: Vec<&str> = left.groups.iter().map(|(name, _)| name.as_str()).collect();
        let grouped: Vec<&String> = left.groups.iter().flat_map(|(_, members)| members).collect();
        let default = kinds::resolve(registry::PROCESSORS, Role::Processor, "default");
        for (name, _) in left.sinks.iter().filter(|(name, _)| !grouped.contains(&name)) {
            let Some(sink) = self.sinks.remove(name) else { continue };
            let result = if group_names.contains(&name.as_str()) {
                let why = "it has the name of a sink group, and Flume never runs such a sink";
                Err(Fault::fails(
                    "name-of-a-group",
                    "",
                    why.to_owned(),
                    "give the sink or the group another name",
                ))
            } else {
                default.clone()
            };
            match result {
                Ok(kind) => runners.push(RunnerPlan {
                    name: name.clone(),
                    is_group: false,
                    processor: Part { kind, settings: Settings::default() },
                    members: vec![sink],
                }),
                Err(fault) => self.stop_sink(name, fault),
            }
        }
        runners
    }

    fn group(&mut self, name: &str, members: &[String]) -> Option<RunnerPlan> {
        let settings = self.rows.settings(List::SinkGroups, name);
        let own = settings.child("processor.");
        let text = own.text("type").map(str::to_owned);
        let result = match text.as_deref() {
            None => Err(Fault::fails(
                "no-type",
                "processor.type",
                "it has no key processor.type".to_owned(),
                "add processor.type = failover or load_balance",
            )),
            Some(text) => self.group_processor(name, own, text, members),
        };
        let row = (ComponentKind::Sinkgroup, name, "processor.");
        let result = result
            .map_err(|fault| Fault { key: fault.key.trim_start_matches("processor.").to_owned(), ..fault });
        let processor = self.rows.judge((List::SinkGroups, name), row, text.as_deref(), result);
        let Some(processor) = processor else {
            for member in members {
                if self.sinks.remove(member).is_some() {
                    let why = format!("its group {name} does not run");
                    self.stop_sink(member, Fault::fails("group", "", why, ""));
                }
            }
            return None;
        };
        let sinks: Vec<SinkPlan> = members.iter().filter_map(|m| self.sinks.remove(m)).collect();
        if sinks.is_empty() {
            let fault = Fault::fails("group", "", "none of its sinks runs".to_owned(), "");
            return self.rows.judge((List::SinkGroups, name), row, text.as_deref(), Err(fault));
        }
        Some(RunnerPlan { name: name.to_owned(), is_group: true, processor, members: sinks })
    }

    fn group_processor(
        &mut self,
        name: &str,
        own: Settings,
        text: &str,
        members: &[String],
    ) -> Result<Part<dyn SinkProcessor>, Fault> {
        let is = |alias: &str| flume::find(Role::Processor, text).is_some_and(|t| t.alias == alias);
        if is("default") && members.len() > 1 {
            let why = format!("processor default takes one sink and the group has {}", members.len());
            return Err(Fault::fails("group-size", "type", why, "use failover or load_balance"));
        }
        if is("load_balance") && members.len() < 2 {
            let why = "processor load_balance needs two sinks or more and the group has one".to_owned();
            return Err(Fault::fails("group-size", "type", why, "add a sink, or remove the group"));
        }
        self.nested(name, own, registry::PROCESSORS, Role::Processor, Some(text))
    }

    fn stop_sink(&mut self, name: &str, fault: Fault) {
        let text = self.rows.raw.component(List::Sinks, name).and_then(|c| c.text("type")).map(str::to_owned);
        let row = (ComponentKind::Sink, name, "");
        self.rows.judge::<()>((List::Sinks, name), row, text.as_deref(), Err(fault));
    }
}
