//! Packets: what is put on the links, as lines of text.

use std::rc::Rc;

use super::Machine;

impl Machine {
    /// Has every packet written down that is put on a link, if packets are shown.
    pub(super) fn listen_in(self: &Rc<Self>) {}
}
