//! Names of errors.

use crate::scenario::tree::ErrorName;

/// The errors that there are without anyone raising them.
const BUILT_IN: [(&str, ErrorName); 20] = [
    ("error", ErrorName::Error),
    ("any", ErrorName::Any),
    ("cancelled", ErrorName::Cancelled),
    ("timeout", ErrorName::Timeout),
    ("closed", ErrorName::Closed),
    ("refused", ErrorName::Refused),
    ("reset", ErrorName::Reset),
    ("unreachable", ErrorName::Unreachable),
    ("address", ErrorName::Address),
    ("network", ErrorName::Network),
    ("empty", ErrorName::Empty),
    ("full", ErrorName::Full),
    ("shut_down", ErrorName::ShutDown),
    ("broken", ErrorName::Broken),
    ("invalid_state", ErrorName::InvalidState),
    ("misuse", ErrorName::Misuse),
    ("invalid", ErrorName::Invalid),
    ("group", ErrorName::Group),
    ("exit", ErrorName::Exit),
    ("file", ErrorName::File),
];

/// Returns what a name stands for: an error of the scenario's own if it is not built in.
pub(super) fn named(word: &str) -> ErrorName {
    let built_in = BUILT_IN.iter().find(|(name, _)| *name == word);
    match built_in {
        Some((_, error)) => error.clone(),
        None => ErrorName::Own(word.into()),
    }
}

/// Returns the names that are built in.
pub(super) fn names<'n>() -> impl Iterator<Item = &'n str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}
