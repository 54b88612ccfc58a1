//! How a component is, for status.

use crate::control::ComponentState;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A component's state on its own thread. Cheap to clone.
#[derive(Clone)]
pub(super) struct StateCell(Rc<Inner>);

struct Inner {
    state: Cell<ComponentState>,
    why: RefCell<String>,
    restarts: Cell<u64>,
}

impl StateCell {
    /// A component that is starting.
    pub(super) fn starting() -> Self {
        StateCell(Rc::new(Inner {
            state: Cell::new(ComponentState::Starting),
            why: RefCell::default(),
            restarts: Cell::new(0),
        }))
    }

    /// Sets the state; forgets the error.
    pub(super) fn set(&self, state: ComponentState) {
        self.0.state.set(state);
        self.0.why.borrow_mut().clear();
    }

    /// Sets the state with an error.
    pub(super) fn fail(&self, state: ComponentState, why: String) {
        if state == ComponentState::Retrying {
            self.0.restarts.set(self.0.restarts.get() + 1);
        }
        self.0.state.set(state);
        *self.0.why.borrow_mut() = why;
    }

    /// The state now.
    pub(super) fn state(&self) -> ComponentState {
        self.0.state.get()
    }

    /// The last error, while it matters; else empty.
    pub(super) fn why(&self) -> String {
        self.0.why.borrow().clone()
    }

    /// How often the component was started again after an error.
    pub(super) fn restarts(&self) -> u64 {
        self.0.restarts.get()
    }
}
