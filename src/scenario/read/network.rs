//! Hosts, the links between them, and the timeline of what goes wrong with them.

use std::net::IpAddr;
use std::time::Duration;

use toml::de::DeValue;

use super::Reader;
use super::codes;
use super::entry::{self, Entry, read_durations, read_part};
use super::expr::constant;

use super::lex::{Kind, Sign};
use super::number::{self, Fault};
use super::parser::{How, Parser, Scope};
use super::problems::{Problems, Skip, shown};
use super::text::Text;
use crate::net::{Latency, Link};
use crate::scenario::model::{HostEntry, Links, TimelineEntry};
use crate::scenario::source::Span;
use crate::scenario::tree::{Call, Const, Expr, ExprKind};

/// The most by which a clock may be fast or slow: it would stand still at a million.
const MOST_DRIFT: i64 = 500_000;

/// The least that a packet may be, which every host must be able to take.
const LEAST_MTU: i128 = 576;

/// The largest packet there is.
const MOST_MTU: i128 = 65_535;

impl<'a> Reader<'a> {
    pub(super) fn hosts(&mut self, table: &Entry<'a>) -> Vec<HostEntry> {
        let mut hosts = Vec::new();
        for entry in table.table(&mut self.problems).unwrap_or_default() {
            let Some(keys) = entry.table(&mut self.problems) else {
                continue;
            };
            self.host(&entry, &keys, &mut hosts);
        }
        let addresses = hosts
            .iter()
            .filter_map(|host| Some((host.address?, host.span)));
        let addresses: Vec<(IpAddr, Span)> = addresses.collect();
        for (at, (address, span)) in addresses.iter().enumerate() {
            if let Some((_, before)) = addresses[..at].iter().find(|(other, _)| other == address) {
                let message = format!("two hosts have the address {address}");
                let problem = self.problems.error(codes::DUPLICATE, *span, message);
                problem.related(*before, "the first");
            }
        }
        hosts
    }

    fn host(&mut self, entry: &Entry<'a>, keys: &[Entry<'a>], hosts: &mut Vec<HostEntry>) {
        let known = ["start", "daemon", "count", "address", "skew", "drift"];
        let name = &*entry.key.content;
        let what = format!("host.{}", shown(name));
        entry::check_keys(keys, &what, &known, &mut self.problems);
        let problems = &mut self.problems;
        let find = |key: &str| entry::find(keys, key);
        let daemon = find("daemon").and_then(|daemon| daemon.boolean(problems));
        if let Some(count) = find("count") {
            count.integer(1..=1_000, problems);
        }
        let skew = find("skew").and_then(|skew| signed_duration(skew, problems));
        let drift = find("drift").and_then(|drift| parts_per_million(drift, problems));
        let address = find("address").and_then(|address| ip_address(address, problems));
        let members = self.names.groups.get(name).cloned().unwrap_or_default();
        if let (Some(address), [_, _, ..]) = (find("address"), &*members) {
            let message = "hosts that are counted cannot all have one address";
            self.problems.error(codes::BOUNDS, address.span(), message);
        }
        let Some(start) = find("start") else {
            let message = format!("the host `{}` does not say what it starts", shown(name));
            let problem = self
                .problems
                .error(codes::MISSING, entry.key.whole, message);
            problem
                .label("`start` is missing")
                .note("write `start = \"main\"`");
            return;
        };
        let Some(text) = start.text("a task or a call such as \"serve(7)\"", &mut self.problems)
        else {
            return;
        };
        let whole = entry.key.whole;
        let mut text = Some(text);
        for member in members {
            let Some((host, _)) = self.names.hosts.get(usize::from(member)).cloned() else {
                continue;
            };
            // Mistakes are reported once, however many hosts start the task.
            let Some(read) = text.take() else {
                break;
            };
            let Ok(start) = self.start(&read) else {
                break;
            };
            hosts.push(HostEntry {
                name: host,
                start,
                daemon: daemon.unwrap_or(false),
                address,
                skew: skew.unwrap_or(0),
                drift: drift.unwrap_or(0),
                span: whole,
            });
            text = Some(read);
        }
    }

    /// Reads `serve` or `serve(7)`.
    fn start(&mut self, text: &Text<'a>) -> Result<Call, Skip> {
        let known = self.facts.calls.len();
        let (facts, problems) = (&mut self.facts, &mut self.problems);
        let mut parser = Parser::new(text, &self.names, facts, problems, Scope::default());
        let call = parser.start_call();
        let started = self.facts.calls.drain(known..).map(|call| call.to);
        self.facts.started.extend(started);
        call
    }

    pub(super) fn links(&mut self, table: &Entry<'a>) -> Links {
        let mut links = Links::default();
        let entries = table.table(&mut self.problems).unwrap_or_default();
        if let Some(default) = entry::find(&entries, "default") {
            links.default = Some(self.link(default, Link::new()));
        }
        let base = links.default.unwrap_or_default();
        for entry in &entries {
            if entry.key.content == "default" {
                continue;
            }
            let pairs = self.pairs(&entry.key);
            let link = self.link(entry, base);
            for (from, to) in pairs {
                links.pairs.push((from, to, link));
            }
        }
        links
    }

    /// Reads `a -> b` or `a <-> b`.
    fn pairs(&mut self, key: &Text<'a>) -> Vec<(u16, u16)> {
        let (facts, problems) = (&mut self.facts, &mut self.problems);
        let mut parser = Parser::new(key, &self.names, facts, problems, Scope::default());
        parser.link_pairs().unwrap_or_default()
    }

    /// Reads what a link is like; what is not said is as in `base`.
    fn link(&mut self, entry: &Entry<'a>, base: Link) -> Link {
        let Some(keys) = entry.table(&mut self.problems) else {
            return base;
        };
        let known = [
            "latency",
            "jitter",
            "loss",
            "duplicate",
            "reorder",
            "bandwidth",
            "mtu",
        ];
        let problems = &mut self.problems;
        entry::check_keys(&keys, "link", &known, problems);
        let find = |key: &str| entry::find(&keys, key);
        let mut link = base;
        if let Some(latency) = find("latency").and_then(|latency| read_latency(latency, problems)) {
            link = link.latency(latency);
        }
        if let Some(loss) = find("loss").and_then(|loss| loss.percent(problems)) {
            link = link.loss(loss);
        }
        if let Some(duplicate) = find("duplicate").and_then(|entry| entry.percent(problems)) {
            link = link.duplication(duplicate);
        }
        if let Some(reorder) = find("reorder").and_then(|reorder| reorder.percent(problems)) {
            link = link.reordering(reorder);
        }
        if let Some(rate) = find("bandwidth").and_then(|entry| bandwidth(entry, problems)) {
            link = link.bandwidth(rate);
        }
        let mtu = find("mtu").and_then(|mtu| mtu.integer(LEAST_MTU..=MOST_MTU, problems));
        if let Some(mtu) = mtu.and_then(|mtu| u32::try_from(mtu).ok()) {
            link = link.mtu(mtu);
        }
        if let Some(entry) = find("jitter")
            && let Some(jitter) = entry.duration(problems)
        {
            if link.latency.is_constant() {
                link = link.jitter(jitter);
            } else {
                let message = "jitter is added to a constant latency, and this one varies";
                let problem = problems.error(codes::KEY, entry.key.whole, message);
                problem
                    .label("cannot be added")
                    .note("write `latency = \"1ms..5ms\"` alone");
            }
        }
        link
    }

    pub(super) fn timeline(&mut self, table: &Entry<'a>) -> Vec<TimelineEntry> {
        let mut timeline = Vec::new();
        for entry in table.table(&mut self.problems).unwrap_or_default() {
            let at = self.time(&entry.key);
            let texts = match entry.value {
                DeValue::Array(_) => entry.texts("a fault or a list of them", &mut self.problems),
                _ => {
                    let text = entry.text("a fault or a list of them", &mut self.problems);
                    text.into_iter().collect()
                }
            };
            let faults: Vec<_> = texts
                .iter()
                .filter_map(|text| {
                    let scope = Scope::default();
                    let (facts, problems) = (&mut self.facts, &mut self.problems);
                    let mut parser = Parser::new(text, &self.names, facts, problems, scope);
                    parser.timeline_fault().ok()
                })
                .collect();
            if let Some(at) = at {
                timeline.push(TimelineEntry { at, faults });
            }
        }
        timeline
    }

    /// Reads when an entry of the timeline happens.
    fn time(&mut self, key: &Text<'a>) -> Option<Expr> {
        let (least, most) = read_durations(key, &mut self.problems)?;
        if let Some((until, until_at)) = self.until
            && least >= until
        {
            let message = "this comes after the end of the run";
            let problem = self.problems.warning(codes::LATE, key.whole, message);
            problem
                .label("never happens")
                .related(until_at, "the run ends here");
        }
        let span = key.inner();
        if least == most {
            return Some(constant(span, Const::Duration(least)));
        }
        let end = |duration| Box::new(constant(span, Const::Duration(duration)));
        let kind = ExprKind::Drawn(end(least), end(most));
        Some(Expr { span, kind })
    }
}

impl Parser<'_> {
    /// Reads what a host starts.
    fn start_call(&mut self) -> Result<Call, Skip> {
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("a task or a call such as `serve(7)`"));
        };
        let call = match self.is_call() {
            true => self.call(How::Task)?,
            false => {
                self.next();
                let Some(callee) = self.callee(word, token.span, How::Task)? else {
                    return Err(Skip);
                };
                self.check_arguments(callee, &[], token.span);
                let (arguments, names) = (Vec::new(), Vec::new());
                Call {
                    span: token.span,
                    callee,
                    arguments,
                    names,
                }
            }
        };
        self.expect_end()?;
        Ok(call)
    }

    /// Reads which ways a link goes.
    fn link_pairs(&mut self) -> Result<Vec<(u16, u16)>, Skip> {
        let hosts = "`default` or `a -> b`";
        if self.peek().kind != Kind::Word {
            return Err(self.unexpected(hosts));
        }
        let some = self.hosts("link", hosts)?;
        let sign = self.next();
        let both_ways = match sign.kind {
            Kind::Sign(Sign::Arrow) => false,
            Kind::Sign(Sign::BothArrow) => true,
            Kind::Sign(Sign::Bar) => {
                let message = "links of both ways are written with `<->`";
                let problem = self.problems.error(codes::SYNTAX, sign.span, message);
                problem.suggest("write `<->`", sign.span, "<->");
                return Err(Skip);
            }
            Kind::Bad | Kind::Foreign => return Err(Skip),
            _ => {
                let message = "a link's key is `default` or two hosts with an arrow";
                let problem = self.problems.error(codes::SYNTAX, self.text.whole, message);
                problem
                    .label("not a link")
                    .note("write `\"a -> b\"` or `\"a <-> b\"`");
                return Err(Skip);
            }
        };
        let others = self.hosts("link", hosts)?;
        self.expect_end()?;
        let mut pairs = Vec::new();
        for from in &some {
            for to in others.iter().filter(|to| *to != from) {
                pairs.push((*from, *to));
                if both_ways {
                    pairs.push((*to, *from));
                }
            }
        }
        let within_one = pairs.is_empty() && !some.is_empty() && !others.is_empty();
        if within_one {
            let message = "a link is between two hosts";
            self.problems.error(codes::HOST, self.text.whole, message);
        }
        Ok(pairs)
    }
}

/// Reads `"250ms"` or `"-250ms"` as nanoseconds.
fn signed_duration(entry: &Entry<'_>, problems: &mut Problems) -> Option<i64> {
    let text = entry.quantity("a duration such as \"250ms\"", problems)?;
    let behind = text.content.starts_with('-');
    let part = usize::from(behind)..text.content.len();
    let duration = read_part(&text, part, number::read_duration, problems)?;
    let nanos = i64::try_from(duration.as_nanos()).ok()?;
    Some(if behind { -nanos } else { nanos })
}

/// Reads `"50ppm"`.
fn parts_per_million(entry: &Entry<'_>, problems: &mut Problems) -> Option<i32> {
    let text = entry.quantity("parts per million such as \"50ppm\"", problems)?;
    let number = text.content.strip_suffix("ppm").map(str::parse::<i64>);
    match number {
        Some(Ok(number)) if (-MOST_DRIFT..=MOST_DRIFT).contains(&number) => {
            i32::try_from(number).ok()
        }
        Some(Ok(number)) => {
            let message = format!("`{number}ppm` is more than half");
            let problem = problems.error(codes::BOUNDS, text.inner(), message);
            problem.note(format!("a clock drifts by at most {MOST_DRIFT}ppm"));
            None
        }
        _ => {
            let message = format!("`{}` is no drift", shown(&text.content));
            let problem = problems.error(codes::NUMBER, text.inner(), message);
            problem
                .label("not in parts per million")
                .note("write \"50ppm\"");
            None
        }
    }
}

fn ip_address(entry: &Entry<'_>, problems: &mut Problems) -> Option<IpAddr> {
    let text = entry.text("an address such as \"10.0.0.7\"", problems)?;
    let address = text.content.parse::<IpAddr>().ok();
    let usable =
        address.filter(|ip| !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast());
    if usable.is_none() {
        let written = shown(&text.content);
        let message = match address {
            Some(_) => format!("`{written}` is not the address of one host"),
            None => format!("`{written}` is not an address"),
        };
        let problem = problems.error(codes::NUMBER, text.inner(), message);
        problem
            .label("not usable")
            .note("write \"10.0.0.7\" or \"fd00::7\"");
    }
    usable
}

fn bandwidth(entry: &Entry<'_>, problems: &mut Problems) -> Option<u64> {
    let text = entry.quantity("a bandwidth such as \"10MB/s\"", problems)?;
    let at = text.inner();
    let message = match number::read_rate(&text.content) {
        Ok(0) => "a link without bandwidth lets nothing through".to_owned(),
        Ok(rate) => return Some(rate),
        Err(Fault::Unit(unit, Some(meant))) => {
            let message = format!("`{}` is not a unit of bandwidth", shown(&unit));
            let start = text.content.len() - unit.len();
            let unit_at = text.span(start..text.content.len());
            let problem = problems.error(codes::NUMBER, unit_at, message);
            problem.suggest(format!("write `{meant}`"), unit_at, meant);
            return None;
        }
        Err(_) => format!("`{}` is no bandwidth", shown(&text.content)),
    };
    let problem = problems.error(codes::NUMBER, at, message);
    problem
        .label("not a bandwidth")
        .note(format!("units are {}", number::RATE_UNITS));
    None
}

/// Reads `1ms`, `1ms..5ms`, `normal 5ms 1ms` and so on.
fn read_latency(entry: &Entry<'_>, problems: &mut Problems) -> Option<Latency> {
    let text = entry.quantity("a latency such as \"1ms..5ms\"", problems)?;
    let content = &*text.content;
    let Some((shape, rest)) = content.split_once(' ').filter(|_| is_shape(content)) else {
        if is_shape(content) {
            return wrong_latency(&text, problems);
        }
        let (least, most) = read_durations(&text, problems)?;
        return Some(match least == most {
            true => Latency::Constant(least),
            false => Latency::Uniform { least, most },
        });
    };
    let numbers: Vec<&str> = rest.split(' ').collect();
    let [first, second] = *numbers else {
        return wrong_latency(&text, problems);
    };
    let start = shape.len() + 1;
    let first_at = start..start + first.len();
    let second_at = first_at.end + 1..content.len();
    let duration = |at, problems: &mut Problems| -> Option<Duration> {
        read_part(&text, at, number::read_duration, problems)
    };
    Some(match shape {
        "normal" => {
            let (mean, deviation) = (duration(first_at, problems), duration(second_at, problems));
            Latency::Normal {
                mean: mean?,
                deviation: deviation?,
            }
        }
        "exponential" => {
            let (least, mean) = (duration(first_at, problems), duration(second_at, problems));
            Latency::Exponential {
                least: least?,
                mean: mean?,
            }
        }
        "pareto" => {
            let least = duration(first_at, problems);
            let shape = number::Decimal::read(second).map(number::Decimal::as_f64);
            let shape = shape.ok().filter(|shape| *shape > 0.0);
            if shape.is_none() {
                let message = format!("`{}` is not a number above 0", shown(second));
                problems.error(codes::NUMBER, text.span(second_at), message);
            }
            Latency::HeavyTail {
                least: least?,
                shape: shape?,
            }
        }
        _ => return wrong_latency(&text, problems),
    })
}

/// Says whether a latency begins with a word.
fn is_shape(content: &str) -> bool {
    content.starts_with(|c: char| c.is_alphabetic())
}

fn wrong_latency(text: &Text<'_>, problems: &mut Problems) -> Option<Latency> {
    let message = format!("`{}` is no latency", shown(&text.content));
    let problem = problems.error(codes::NUMBER, text.inner(), message);
    problem.label("not a latency");
    problem.note(
        "write \"1ms\", \"1ms..5ms\", \"normal 5ms 1ms\", \"exponential 1ms 4ms\" or \
                  \"pareto 1ms 1.5\"",
    );
    None
}
