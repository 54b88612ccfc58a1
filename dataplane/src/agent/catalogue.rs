//! Every type of component, for `GET /components`.

use crate::control::{ComponentInfo, Role};
use crate::registry;

/// What the registry lists, in its order.
pub(super) fn catalogue() -> Vec<ComponentInfo> {
    let mut all: Vec<ComponentInfo> = Vec::new();
    let mut add = |role: Role, infos: &mut dyn Iterator<Item = &'static crate::config::KindInfo>| {
        all.extend(infos.map(|i| ComponentInfo::new(role, i)));
    };
    add(Role::Source, &mut registry::infos(registry::SOURCES));
    add(Role::Interceptor, &mut registry::infos(registry::INTERCEPTORS));
    add(Role::Selector, &mut registry::infos(registry::SELECTORS));
    add(Role::Channel, &mut registry::infos(registry::CHANNELS));
    add(Role::Processor, &mut registry::infos(registry::PROCESSORS));
    add(Role::Sink, &mut registry::infos(registry::SINKS));
    add(Role::Serializer, &mut registry::infos(registry::SERIALIZERS));
    all
}
