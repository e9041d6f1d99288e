//! Names of mistakes, which the reference explains and which never change their meaning.

macro_rules! codes {
    ($($name:ident = $code:literal, $sentence:literal;)*) => {
        $(pub(super) const $name: &str = $code;)*

        /// Every code and what it stands for, in one sentence.
        #[cfg(test)]
        const CODES: &[(&str, &str)] = &[$(($code, $sentence)),*];
    };
}

codes! {
    BODY = "S001", "Steps stand in `'''` strings, in which nothing has to be escaped.";
    STEP = "S002", "A step begins with a word that is no verb.";
    NAME = "S003", "A name stands for nothing here.";
    CALLEE = "S004", "What is called is no task, program or function.";
    HOST = "S005", "There is no host of that name.";
    COUNT = "S006", "A task is called with more or fewer arguments than it has parameters.";
    USAGE = "S007", "A step lacks something, or has something that it does not take.";
    SYNTAX = "S008", "Words or signs stand where they make no sense.";
    BRACE = "S009", "A brace or a bracket has no partner.";
    STRING = "S010", "A string is not closed, or holds an escape or a `{}` that makes no sense.";
    TOML = "S011", "The file is not TOML.";
    MISSING = "S012", "Something that must be there is missing.";
    FORMAT = "S013", "The file has a format that this version cannot read.";
    KEY = "S014", "A table or a key is unknown.";
    TYPE = "S015", "A key has a value of the wrong type.";
    DUPLICATE = "S016", "A name is declared twice.";
    RESERVED = "S017", "A name is not one, or means something else.";
    NUMBER = "S018", "A number, its unit or a percent is malformed.";
    RANGE = "S019", "A range ends before it begins, or its ends are of two kinds.";
    BOUNDS = "S020", "A number is too small or too large.";
    KIND = "S021", "A verb does not take an object or a value of that kind.";
    FLOW = "S022", "`break`, `continue` or a bare `raise` has nothing around it to refer to.";
    PLACE = "S023", "A word may stand only in programs, or only in checks.";
    ERROR = "S024", "A handler names an error that nothing raises.";
    CALLBACK = "S025", "A callback would have to wait.";
    CYCLE = "S026", "Tasks that call each other within one task never come to an end.";
    NOTHING = "S027", "A check counts something that cannot happen.";
    CHECK = "S028", "A check does not say when it is to hold.";
    CHOICE = "S029", "A word is none of those that are possible.";
    LIMIT = "S030", "The file is too large, or nested too deep.";
    UNUSED = "S031", "Nothing starts a task or a program.";
    LATE = "S032", "An entry of the timeline comes after the end.";
    UNREACHED = "S033", "A step is never reached.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_explains_every_code_and_no_other() {
        let reference = include_str!("../language.md");
        let rows = reference
            .lines()
            .filter_map(|line| line.strip_prefix("| `S"));
        let explained: Vec<_> = rows
            .map(|row| {
                let (code, sentence) = row.split_once("` | ").unwrap();
                (
                    format!("S{code}"),
                    sentence.trim_end_matches(" |").to_owned(),
                )
            })
            .collect();
        let codes: Vec<_> = CODES
            .iter()
            .map(|(code, sentence)| ((*code).to_owned(), (*sentence).to_owned()))
            .collect();
        assert_eq!(explained, codes);
    }
}
