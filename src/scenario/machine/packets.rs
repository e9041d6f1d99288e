//! Packets: what is put on the links, as lines of text.

use std::rc::Rc;

use super::Machine;
use crate::net::{self, Packet, PacketKind, Verdict};
use crate::scenario::record::What;

impl Machine {
    /// Has every packet written down that is put on a link, if packets are shown.
    ///
    /// A packet is written down when it is sent: what its link makes of it is not known then.
    pub(super) fn listen_in(self: &Rc<Self>) {
        if !self.notes.show().net {
            return;
        }
        let weak = Rc::downgrade(self);
        let tap = net::tap(move |packet| {
            if let Some(machine) = weak.upgrade() {
                machine.packet(packet);
            }
            Verdict::Pass
        });
        tap.detach();
    }

    fn packet(&self, packet: &Packet) {
        self.notes
            .note(&self.nobody, None, None, || What::Packet(line(packet)));
    }
}

/// Writes a packet: `client -> server  5 bytes`.
fn line(packet: &Packet) -> String {
    let length = packet.payload().len();
    let bytes = format!("{length} {}", if length == 1 { "byte" } else { "bytes" });
    let what = match packet.kind() {
        PacketKind::Syn => "SYN".to_owned(),
        PacketKind::SynAck => "SYN ACK".to_owned(),
        PacketKind::Ack => "ACK".to_owned(),
        PacketKind::Data => bytes,
        PacketKind::Fin if length == 0 => "FIN".to_owned(),
        PacketKind::Fin => format!("{bytes} FIN"),
        PacketKind::Reset => "RST".to_owned(),
        PacketKind::Datagram => format!("datagram {bytes}"),
        PacketKind::Unreachable => "port unreachable".to_owned(),
    };
    format!("{} -> {}  {what}", packet.from_host(), packet.to_host())
}
