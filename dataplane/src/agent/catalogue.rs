//! Every type of component, for `GET /components`.

use crate::control::ComponentInfo;
use crate::registry;

/// What the registry lists, in its order.
pub(crate) fn catalogue() -> Vec<ComponentInfo> {
    registry::every().map(|(role, info)| ComponentInfo::new(role, info)).collect()
}
