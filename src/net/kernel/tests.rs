//! The network without a loop: calls, the time, and what comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::wire::Packet;
use super::*;
use crate::chance::{Domain, Stream};

/// Chance from a seed.
struct Dice(Stream);

impl Fate for Dice {
    fn happens(&mut self, _: Packet, _: &'static str, probability: f64) -> bool {
        self.0.chance(probability)
    }

    fn extra_latency(&mut self, _: Packet, latency: &Latency) -> u64 {
        latency.draw_extra(&mut self.0)
    }

    fn delay(&mut self, _: Packet, _: &'static str, most: u64) -> u64 {
        self.0.below(most + 1)
    }
}

/// Drives a kernel: the least that a driver can be.
struct World {
    kernel: Kernel,
    dice: Dice,
    now: u64,
    alarms: BTreeSet<(u64, u64, Token)>,
    tokens: BTreeMap<Token, (u64, u64)>,
    order: u64,
    ready: Vec<(Socket, Readiness)>,
}

const MS: u64 = 1_000_000;

fn listen(
    tcp: &mut TcpCall<'_>,
    host: HostId,
    local: SocketAddr,
    backlog: usize,
) -> Result<(ListenerId, SocketAddr), NetError> {
    let (listener, local) = tcp.bind(host, local)?;
    tcp.listen(listener, backlog);
    Ok((listener, local))
}

fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(10, 0, 0, host).into(), port)
}

impl World {
    /// Makes a world of two hosts a millisecond apart.
    fn new(seed: u64) -> Self {
        let mut kernel = Kernel::default();
        for host in 1..=2 {
            let six = Ipv6Addr::from(u128::from(host));
            kernel.add_host([address(host, 0).ip(), six.into()]);
        }
        let latency = Latency::Constant(Duration::from_millis(1));
        kernel.set_default_link(Link::new().latency(latency));
        Self {
            kernel,
            dice: Dice(Stream::new(seed, Domain::Net)),
            now: 0,
            alarms: BTreeSet::new(),
            tokens: BTreeMap::new(),
            order: 0,
            ready: Vec::new(),
        }
    }

    fn tcp<R>(&mut self, call: impl FnOnce(&mut TcpCall<'_>) -> R) -> R {
        let result = call(&mut self.kernel.tcp(self.now, &mut self.dice));
        self.settle();
        result
    }

    fn udp<R>(&mut self, call: impl FnOnce(&mut UdpCall<'_>) -> R) -> R {
        let result = call(&mut self.kernel.udp(self.now, &mut self.dice));
        self.settle();
        result
    }

    fn settle(&mut self) {
        while let Some(effect) = self.kernel.next_effect() {
            match effect {
                Effect::Alarm { at, token } => {
                    assert!(at >= self.now, "an alarm in the past");
                    self.order += 1;
                    self.alarms.insert((at, self.order, token));
                    assert!(self.tokens.insert(token, (at, self.order)).is_none());
                }
                Effect::Disarm { token } => {
                    let (at, order) = self.tokens.remove(&token).expect("it was armed");
                    self.alarms.remove(&(at, order, token));
                }
                Effect::Ready(socket, readiness) => self.ready.push((socket, readiness)),
            }
        }
    }

    /// Lets the next event happen; says whether there was one.
    fn step(&mut self) -> bool {
        let Some((at, _, token)) = self.alarms.pop_first() else {
            return false;
        };
        self.tokens.remove(&token);
        self.now = at;
        self.kernel.fire(token, at, &mut self.dice);
        self.settle();
        true
    }

    fn run_until(&mut self, until: u64) {
        while self.alarms.first().is_some_and(|(at, _, _)| *at <= until) {
            self.step();
        }
        self.now = until;
    }

    fn set_passage(&mut self, from: u32, to: u32, passage: Passage) {
        let (from, to) = (HostId(from), HostId(to));
        self.kernel
            .set_passage(from, to, passage, self.now, &mut self.dice);
        self.settle();
    }

    /// Connects host 0 to a listener on host 1.
    fn pair(&mut self) -> (EndId, EndId) {
        let (listener, at) = self
            .tcp(|tcp| listen(tcp, HostId(1), address(2, 80), 8))
            .unwrap();
        let client = self.tcp(|tcp| tcp.connect(HostId(0), None, at)).unwrap();
        self.run_until(self.now + 1_000 * MS);
        assert_eq!(self.tcp(|tcp| tcp.is_connected(client)), Ok(()));
        let server = self.tcp(|tcp| tcp.accept(listener)).unwrap();
        self.tcp(|tcp| tcp.close_listener(listener));
        (client, server)
    }

    fn read(&mut self, end: EndId) -> Result<Vec<u8>, NetError> {
        let mut into = vec![0; 1 << 17];
        let count = self.tcp(|tcp| tcp.read(end, &mut into))?;
        into.truncate(count);
        Ok(into)
    }

    fn write(&mut self, end: EndId, bytes: &[u8]) -> Result<usize, NetError> {
        self.tcp(|tcp| tcp.write(end, bytes))
    }
}

#[test]
fn a_connection_is_made_in_a_round_trip_and_a_half() {
    let mut world = World::new(1);
    let (listener, at) = world
        .tcp(|tcp| listen(tcp, HostId(1), address(2, 80), 8))
        .unwrap();
    let client = world.tcp(|tcp| tcp.connect(HostId(0), None, at)).unwrap();
    world.run_until(2 * MS - 1);
    let pending = Err(NetError::WouldBlock);
    assert_eq!(world.tcp(|tcp| tcp.is_connected(client)), pending);
    world.run_until(2 * MS);
    assert_eq!(world.tcp(|tcp| tcp.is_connected(client)), Ok(()));
    assert_eq!(
        world.tcp(|tcp| tcp.accept(listener)),
        Err(NetError::WouldBlock)
    );
    world.run_until(3 * MS);
    let server = world.tcp(|tcp| tcp.accept(listener)).unwrap();
    let (local, remote) = world.tcp(|tcp| tcp.addresses(server));
    assert_eq!((local, remote), (address(2, 80), address(1, 32_768)));
}

#[test]
fn what_is_written_arrives_a_latency_later_and_in_order() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    let start = world.now;
    world.write(client, b"hel").unwrap();
    world.write(client, b"lo").unwrap();
    assert_eq!(world.read(server), Err(NetError::WouldBlock));
    world.run_until(start + MS);
    assert_eq!(world.read(server).unwrap(), b"hello");
}

#[test]
fn either_direction_ends_without_the_other() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    world.write(client, b"question").unwrap();
    world.tcp(|tcp| tcp.shut_down(client));
    assert_eq!(world.write(client, b"more"), Err(NetError::BrokenPipe));
    world.run_until(world.now + 2 * MS);
    assert_eq!(world.read(server).unwrap(), b"question");
    assert_eq!(world.read(server).unwrap(), b"");
    world.write(server, b"answer").unwrap();
    world.tcp(|tcp| tcp.close(server));
    world.run_until(world.now + 2 * MS);
    assert_eq!(world.read(client).unwrap(), b"answer");
    assert_eq!(world.read(client).unwrap(), b"");
    world.tcp(|tcp| tcp.close(client));
    assert!(!world.step(), "nothing is left");
    assert!(world.kernel.tcp.is_empty());
}

#[test]
fn nobody_listens_and_the_connection_is_refused() {
    let mut world = World::new(1);
    let client = world
        .tcp(|tcp| tcp.connect(HostId(0), None, address(2, 81)))
        .unwrap();
    world.run_until(2 * MS);
    let refused = Err(NetError::Refused);
    assert_eq!(world.tcp(|tcp| tcp.is_connected(client)), refused);
    world.tcp(|tcp| tcp.close(client));
    assert!(world.kernel.tcp.is_empty());
    let nowhere = world.tcp(|tcp| tcp.connect(HostId(0), None, address(9, 80)));
    assert_eq!(nowhere, Err(NetError::HostUnreachable));
}

#[test]
fn a_reset_discards_what_is_under_way_but_not_what_has_arrived() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    world.write(client, b"kept").unwrap();
    world.run_until(world.now + MS);
    world.write(client, b"lost").unwrap();
    world.tcp(|tcp| tcp.abort(client));
    world.run_until(world.now + MS);
    assert_eq!(world.read(server).unwrap(), b"kept");
    assert_eq!(world.read(server), Err(NetError::Reset));
    assert_eq!(world.write(server, b"x"), Err(NetError::BrokenPipe));
    world.tcp(|tcp| tcp.close(server));
    assert!(world.kernel.tcp.is_empty());
}

#[test]
fn closing_with_bytes_unread_resets() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    world.write(client, b"unread").unwrap();
    world.run_until(world.now + MS);
    world.tcp(|tcp| tcp.close(server));
    world.run_until(world.now + MS);
    assert_eq!(world.read(client), Err(NetError::Reset));
}

#[test]
fn the_end_stays_the_end_and_a_reset_after_it_is_a_broken_pipe() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    world.tcp(|tcp| tcp.close(client));
    world.run_until(world.now + MS);
    world.write(server, b"in vain").unwrap();
    world.run_until(world.now + 2 * MS);
    assert_eq!(world.read(server).unwrap(), b"");
    assert_eq!(world.write(server, b"x"), Err(NetError::BrokenPipe));
    assert_eq!(world.write(server, b"x"), Err(NetError::BrokenPipe));
    assert_eq!(world.read(server).unwrap(), b"");
    world.tcp(|tcp| tcp.close(server));
    assert!(world.kernel.tcp.is_empty());
}

#[test]
fn to_read_nothing_is_to_wait_for_something() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    let nothing = |world: &mut World| world.tcp(|tcp| tcp.read(server, &mut []));
    assert_eq!(nothing(&mut world), Err(NetError::WouldBlock));
    world.write(client, b"x").unwrap();
    world.run_until(world.now + MS);
    assert_eq!(nothing(&mut world), Ok(0));
    assert_eq!(world.read(server).unwrap(), b"x");
}

#[test]
fn whatever_loopback_address_is_connected_to_it_is_from_the_first() {
    let mut world = World::new(1);
    let any = SocketAddr::from(([0, 0, 0, 0], 80));
    world.tcp(|tcp| listen(tcp, HostId(0), any, 1)).unwrap();
    let to = SocketAddr::from(([127, 0, 0, 2], 80));
    let end = world.tcp(|tcp| tcp.connect(HostId(0), None, to)).unwrap();
    let (local, remote) = world.tcp(|tcp| tcp.addresses(end));
    assert_eq!(local.ip(), Ipv4Addr::LOCALHOST);
    assert_eq!(remote, to);
}

#[test]
fn a_reader_that_does_not_read_stops_the_writer() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    let mut written = 0;
    for _ in 0..100 {
        match world.write(client, &[7; 10_000]) {
            Ok(count) => written += count,
            Err(error) => assert_eq!(error, NetError::WouldBlock),
        }
        world.run_until(world.now + 5 * MS);
    }
    assert_eq!(written, 2 * (64 << 10), "what either end holds");
    world.ready.clear();
    assert_eq!(world.read(server).unwrap().len(), 64 << 10);
    world.run_until(world.now + 5 * MS);
    assert!(
        world
            .ready
            .contains(&(Socket::Stream(client), Readiness::Write))
    );
    assert!(world.write(client, &[7; 10_000]).is_ok());
}

#[test]
fn a_backlog_that_is_full_makes_clients_try_again() {
    let mut world = World::new(1);
    let (listener, at) = world
        .tcp(|tcp| listen(tcp, HostId(1), address(2, 80), 1))
        .unwrap();
    let first = world.tcp(|tcp| tcp.connect(HostId(0), None, at)).unwrap();
    let second = world.tcp(|tcp| tcp.connect(HostId(0), None, at)).unwrap();
    world.run_until(500 * MS);
    assert_eq!(world.tcp(|tcp| tcp.is_connected(first)), Ok(()));
    let pending = Err(NetError::WouldBlock);
    assert_eq!(world.tcp(|tcp| tcp.is_connected(second)), pending);
    world.tcp(|tcp| tcp.accept(listener)).unwrap();
    world.run_until(1_010 * MS);
    assert_eq!(world.tcp(|tcp| tcp.is_connected(second)), Ok(()));
}

#[test]
fn a_listener_that_is_closed_resets_those_who_wait() {
    let mut world = World::new(1);
    let (listener, at) = world
        .tcp(|tcp| listen(tcp, HostId(1), address(2, 80), 4))
        .unwrap();
    let client = world.tcp(|tcp| tcp.connect(HostId(0), None, at)).unwrap();
    world.run_until(10 * MS);
    world.tcp(|tcp| tcp.close_listener(listener));
    world.run_until(20 * MS);
    assert_eq!(world.read(client), Err(NetError::Reset));
    assert!(
        world.tcp(|tcp| listen(tcp, HostId(1), at, 4)).is_ok(),
        "the port is free again"
    );
}

#[test]
fn a_link_that_is_cut_delays_until_it_is_mended() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    world.set_passage(0, 1, Passage::Cut);
    world.write(client, b"late").unwrap();
    world.run_until(world.now + 3_000 * MS);
    assert_eq!(world.read(server), Err(NetError::WouldBlock));
    world.set_passage(0, 1, Passage::Open);
    world.run_until(world.now + 7_000 * MS);
    assert_eq!(world.read(server).unwrap(), b"late");
}

#[test]
fn a_link_that_stays_cut_times_the_sender_out_and_the_other_end_hears_nothing() {
    for (from, to) in [(0, 1), (1, 0)] {
        let mut world = World::new(1);
        let (client, server) = world.pair();
        world.set_passage(from, to, Passage::Cut);
        world.write(client, b"x").unwrap();
        while world.step() {}
        let minutes = (world.now / MS / 60_000, 10..20);
        assert!(
            minutes.1.contains(&minutes.0),
            "after {} minutes",
            minutes.0
        );
        assert_eq!(world.read(client), Err(NetError::TimedOut));
        // If only the way back was cut, it has arrived.
        let arrived = if from == 1 {
            Ok(b"x".to_vec())
        } else {
            Err(NetError::WouldBlock)
        };
        assert_eq!(world.read(server), arrived);
        assert_eq!(world.read(server), Err(NetError::WouldBlock));
    }
}

#[test]
fn a_connection_to_a_host_that_is_down_times_out() {
    let mut world = World::new(1);
    world.kernel.take_down(HostId(1), false, 0, &mut world.dice);
    let client = world
        .tcp(|tcp| tcp.connect(HostId(0), None, address(2, 80)))
        .unwrap();
    while world.step() {}
    assert_eq!(world.now, 127_000 * MS);
    let late = Err(NetError::TimedOut);
    assert_eq!(world.tcp(|tcp| tcp.is_connected(client)), late);
}

#[test]
fn what_is_held_goes_on_when_the_link_is_opened() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    world.set_passage(0, 1, Passage::Held);
    world.write(client, b"held").unwrap();
    world.run_until(world.now + 60_000 * MS);
    assert_eq!(world.read(server), Err(NetError::WouldBlock));
    world.set_passage(0, 1, Passage::Open);
    world.run_until(world.now + MS);
    assert_eq!(world.read(server).unwrap(), b"held");
}

#[test]
fn a_crash_is_silence_until_the_host_is_up_and_knows_nothing() {
    let mut world = World::new(1);
    let (client, server) = world.pair();
    world
        .kernel
        .take_down(HostId(1), false, world.now, &mut world.dice);
    world.settle();
    assert_eq!(world.read(server), Err(NetError::NotConnected));
    world.tcp(|tcp| tcp.close(server));
    world.write(client, b"anyone?").unwrap();
    world.run_until(world.now + 10_000 * MS);
    assert_eq!(world.read(client), Err(NetError::WouldBlock));
    world.kernel.bring_up(HostId(1));
    world.run_until(world.now + 20_000 * MS);
    assert_eq!(world.read(client), Err(NetError::Reset));
    world.tcp(|tcp| tcp.close(client));
    assert!(world.kernel.tcp.is_empty());
}

#[test]
fn a_crash_may_reset_what_is_open() {
    let mut world = World::new(1);
    let (client, _server) = world.pair();
    world
        .kernel
        .take_down(HostId(1), true, world.now, &mut world.dice);
    world.settle();
    world.run_until(world.now + MS);
    assert_eq!(world.read(client), Err(NetError::Reset));
}

#[test]
fn a_keepalive_finds_out_that_nobody_is_there() {
    let mut world = World::new(1);
    let (client, _server) = world.pair();
    world.tcp(|tcp| tcp.set_keepalive(client, 10_000 * MS, 3));
    world.run_until(world.now + 100_000 * MS);
    assert_eq!(world.read(client), Err(NetError::WouldBlock));
    world.set_passage(1, 0, Passage::Cut);
    world.run_until(world.now + 100_000 * MS);
    assert_eq!(world.read(client), Err(NetError::TimedOut));
}

#[test]
fn any_bytes_in_any_pieces_over_any_link_arrive_once_and_in_order() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        let mut chance = Stream::new(seed, Domain::User);
        let latency = Latency::Uniform {
            least: Duration::from_micros(50),
            most: Duration::from_millis(chance.below(20) + 1),
        };
        let mut link = Link::new()
            .latency(latency)
            .loss(chance.below(30) as f64 / 100.0);
        if chance.chance(0.5) {
            link = link.bandwidth(10_000 + chance.below(1_000_000)).mtu(600);
        }
        let (client, server) = world.pair();
        world.kernel.set_default_link(link);
        let sends = 1 + chance.below(70_000);
        let receives = 1 + chance.below(70_000);
        world.tcp(|tcp| tcp.set_buffers(client, sends, receives));
        world.tcp(|tcp| tcp.set_buffers(server, receives, sends));
        let count = chance.below(50_000) as usize;
        let bytes: Vec<u8> = (0..count).map(|_| chance.below(256) as u8).collect();
        let (mut written, mut received, mut over) = (0, Vec::new(), false);
        while !over {
            if written < count {
                let piece = 1 + chance.below(9_000) as usize;
                let piece = &bytes[written..count.min(written + piece)];
                written += world.write(client, piece).unwrap_or(0);
            } else {
                world.tcp(|tcp| tcp.shut_down(client));
            }
            if chance.chance(0.7) {
                let mut into = vec![0; 1 + chance.below(8_000) as usize];
                match world.tcp(|tcp| tcp.read(server, &mut into)) {
                    Ok(0) => over = true,
                    Ok(read) => received.extend_from_slice(&into[..read]),
                    Err(error) => assert_eq!(error, NetError::WouldBlock, "seed {seed}"),
                }
            }
            world.step();
        }
        assert!(received == bytes, "seed {seed}");
        world.tcp(|tcp| tcp.close(client));
        world.tcp(|tcp| tcp.close(server));
        while world.step() {}
        assert!(world.kernel.tcp.is_empty(), "seed {seed}");
    }
}

#[test]
fn datagrams_arrive_are_lost_overtake_each_other_and_come_twice() {
    let mut world = World::new(3);
    let link = Link::new().loss(0.2).duplication(0.2).reordering(0.2);
    world.kernel.set_default_link(link);
    let (sender, _) = world.udp(|udp| udp.bind(HostId(0), address(1, 0))).unwrap();
    let (receiver, to) = world
        .udp(|udp| udp.bind(HostId(1), address(2, 53)))
        .unwrap();
    for number in 0..200_u8 {
        world
            .udp(|udp| udp.send(sender, Some(to), &[number]))
            .unwrap();
        world.run_until(world.now + MS / 20);
    }
    while world.step() {}
    let mut numbers = Vec::new();
    while let Ok(datagram) = world.udp(|udp| udp.receive(receiver)) {
        numbers.push(datagram.bytes[0]);
    }
    let distinct: BTreeSet<u8> = numbers.iter().copied().collect();
    assert!((130..190).contains(&distinct.len()), "{}", distinct.len());
    assert!(numbers.len() > distinct.len() + 15, "some came twice");
    assert!(!numbers.is_sorted(), "some were overtaken");
}

#[test]
fn a_closed_port_is_reported_to_a_connected_socket() {
    let mut world = World::new(1);
    let (sender, _) = world.udp(|udp| udp.bind(HostId(0), address(1, 0))).unwrap();
    world
        .udp(|udp| udp.send(sender, Some(address(2, 9)), b"x"))
        .unwrap();
    while world.step() {}
    assert_eq!(
        world.udp(|udp| udp.receive(sender)),
        Err(NetError::WouldBlock)
    );
    world.udp(|udp| udp.connect(sender, address(2, 9)));
    world.udp(|udp| udp.send(sender, None, b"x")).unwrap();
    while world.step() {}
    assert_eq!(world.udp(|udp| udp.receive(sender)), Err(NetError::Refused));
}

#[test]
fn a_look_at_the_next_datagram_hears_of_an_error_once() {
    let mut world = World::new(1);
    let (socket, _) = world.udp(|udp| udp.bind(HostId(0), address(1, 0))).unwrap();
    world.udp(|udp| udp.connect(socket, address(2, 9)));
    world.udp(|udp| udp.send(socket, None, b"x")).unwrap();
    while world.step() {}
    assert_eq!(world.udp(|udp| udp.peek(socket)), Err(NetError::Refused));
    assert_eq!(world.udp(|udp| udp.peek(socket)), Err(NetError::WouldBlock));
}

#[test]
fn every_address_of_a_host_has_datagram_ports_of_its_own() {
    let mut world = World::new(1);
    let mut bind = |ip: [u8; 4]| {
        let at = SocketAddr::from((ip, 53));
        world.udp(|udp| udp.bind(HostId(0), at)).map(|(id, _)| id)
    };
    let first = bind([127, 0, 0, 1]).unwrap();
    let second = bind([10, 0, 0, 1]).unwrap();
    assert_eq!(bind([127, 0, 0, 1]), Err(NetError::AddressInUse));
    assert_eq!(bind([0, 0, 0, 0]), Err(NetError::AddressInUse));
    world.udp(|udp| udp.close(first));
    world.udp(|udp| udp.close(second));
    let any = SocketAddr::from(([0, 0, 0, 0], 53));
    assert!(world.udp(|udp| udp.bind(HostId(0), any)).is_ok());
}

#[test]
fn groups_and_broadcasts_reach_those_they_are_for() {
    let mut world = World::new(1);
    let group: IpAddr = Ipv4Addr::new(239, 1, 2, 3).into();
    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 7);
    let (member, _) = world.udp(|udp| udp.bind(HostId(1), any)).unwrap();
    let (sender, _) = world.udp(|udp| udp.bind(HostId(0), address(1, 0))).unwrap();
    let to_group = Some(SocketAddr::new(group, 7));
    world.udp(|udp| udp.send(sender, to_group, b"a")).unwrap();
    world.udp(|udp| udp.set_member(member, group, true));
    world.udp(|udp| udp.send(sender, to_group, b"b")).unwrap();
    while world.step() {}
    assert_eq!(&*world.udp(|udp| udp.receive(member)).unwrap().bytes, b"b");
    let everyone = Some(SocketAddr::new(Ipv4Addr::BROADCAST.into(), 7));
    let denied = Err(NetError::AddressNotAvailable);
    assert_eq!(world.udp(|udp| udp.send(sender, everyone, b"c")), denied);
    world.udp(|udp| udp.set_broadcast(sender, true));
    world.udp(|udp| udp.send(sender, everyone, b"c")).unwrap();
    while world.step() {}
    assert_eq!(&*world.udp(|udp| udp.receive(member)).unwrap().bytes, b"c");
}
