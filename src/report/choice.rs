//! Which events a report shows.

use super::words::word;
use crate::scenario::record::{Event, Show};

/// Which events a report shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) show: Show,
    /// If there are any, an event must match one of them.
    pub(crate) only: Vec<Pattern>,
    pub(crate) without: Vec<Pattern>,
}

impl Choice {
    pub(super) fn takes(&self, event: &Event) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(event));
        self.show.includes(&event.what)
            && (self.only.is_empty() || any(&self.only))
            && !any(&self.without)
    }
}

/// A name of a host, of a task, of both (`server/main`), of a body, or the word of an event; with
/// `*` at its end, whatever begins like that.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(String);

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Pattern {
    fn matches(&self, event: &Event) -> bool {
        let host = event.host.as_deref();
        let names = [host, Some(&*event.task), event.body.as_deref()];
        names.into_iter().flatten().any(|name| self.is(name))
            || host.is_some_and(|host| self.is(&format!("{host}/{}", event.task)))
            || self.is(word(&event.what))
            || event.what.class().is_some_and(|class| self.is(class))
    }

    fn is(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::scenario::record::What;

    fn takes(only: &[&str], without: &[&str], event: &Event) -> bool {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern((*text).into())).collect();
        let choice = Choice {
            show: samples::ALL,
            only: patterns(only),
            without: patterns(without),
        };
        choice.takes(event)
    }

    #[test]
    fn names_and_words_choose_events() {
        let event = samples::event(5, Some("server"), "main", What::Logged("x".into()));
        for chosen in ["server", "main", "server/main", "logs", "log", "ser*", "*"] {
            assert!(takes(&[chosen], &[], &event), "{chosen}");
            assert!(!takes(&[], &[chosen], &event), "{chosen}");
        }
        for other in ["serve", "client", "server/", "spawns", "x", ""] {
            assert!(!takes(&[other], &[], &event), "{other}");
            assert!(takes(&[], &[other], &event), "{other}");
        }
        assert!(takes(&["client", "server"], &[], &event));
        assert!(!takes(&["server"], &["logs"], &event));
    }

    #[test]
    fn what_is_not_shown_is_not_chosen() {
        let event = samples::event(5, None, "main", What::Returned("3".into()));
        assert!(!Choice::default().takes(&event));
        let stuck = samples::event(5, None, "main", What::Stuck(Vec::new()));
        assert!(Choice::default().takes(&stuck));
    }
}
