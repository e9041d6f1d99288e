//! What stands in the parentheses of an attribute.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, Path, Result, Token};

/// Which attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    Test,
    Main,
}

impl Attribute {
    /// Returns the path under which a user knows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Test => "#[simrun::test]",
            Self::Main => "#[simrun::main]",
        }
    }

    /// Returns the names of what it can be given, apart from `crate`.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Test => &[
                "config",
                "runs",
                "seed",
                "seeds",
                "strategy",
                "until",
                "max_steps",
                "check_determinism",
                "regressions",
            ],
            Self::Main => &["config", "seed", "strategy", "until", "max_steps"],
        }
    }
}

/// One setting, such as `runs = 100`. A name alone stands for `true`.
pub(crate) struct Setting {
    pub(crate) key: Ident,
    pub(crate) value: Option<Expr>,
}

/// All that an attribute is given.
pub(crate) struct Arguments {
    pub(crate) settings: Vec<Setting>,
    /// What simrun is called here.
    pub(crate) simrun: Option<Path>,
}

/// One argument, as it is written.
enum Argument {
    Setting(Setting),
    Crate(Span, Path),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if let Some(word) = input.parse::<Option<Token![crate]>>()? {
            input.parse::<Token![=]>()?;
            return Ok(Self::Crate(word.span, input.parse()?));
        }
        let key: Ident = input.parse()?;
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Self::Setting(Setting { key, value }))
    }
}

impl Arguments {
    /// Reads the arguments; all that is wrong with them is told at once.
    pub(crate) fn parse(attribute: Attribute, tokens: TokenStream) -> Result<Self> {
        let parser = Punctuated::<Argument, Token![,]>::parse_terminated;
        let mut arguments = Self {
            settings: Vec::new(),
            simrun: None,
        };
        let mut problems = Problems::default();
        for argument in parser.parse2(tokens)? {
            match argument {
                Argument::Crate(_, path) if arguments.simrun.is_none() => {
                    arguments.simrun = Some(path);
                }
                Argument::Crate(span, _) => problems.add(Error::new(span, "`crate` stands twice")),
                Argument::Setting(setting) => {
                    if let Some(problem) = arguments.problem(attribute, &setting) {
                        problems.add(problem);
                    }
                    arguments.settings.push(setting);
                }
            }
        }
        problems.into_result().map(|()| arguments)
    }

    /// Says what is wrong with a setting, beside those before it.
    fn problem(&self, attribute: Attribute, setting: &Setting) -> Option<Error> {
        let key = setting.key.to_string();
        let message = if !attribute.keys().contains(&key.as_str()) {
            format!(
                "`{}` knows no `{key}`; there are {} and `crate`",
                attribute.name(),
                list(attribute.keys())
            )
        } else if self.has(&key) {
            format!("`{key}` stands twice")
        } else if key == "seeds" && self.has("seed") || key == "seed" && self.has("seeds") {
            "`seed` is one run and `seeds` are many: write one of them".to_owned()
        } else if key == "runs" && (self.has("seed") || self.has("seeds"))
            || self.has("runs") && key.starts_with("seed")
        {
            "`runs` says how many seeds there are from 0 on: write it or the seeds".to_owned()
        } else if setting.value.is_none() && key != "check_determinism" {
            format!("`{key}` needs a value: `{key} = ..`")
        } else {
            return None;
        };
        Some(Error::new(setting.key.span(), message))
    }

    fn has(&self, key: &str) -> bool {
        self.settings.iter().any(|setting| setting.key == key)
    }
}

fn list(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// What is wrong, so that it can be told at once.
#[derive(Default)]
pub(crate) struct Problems(Option<Error>);

impl Problems {
    pub(crate) fn add(&mut self, problem: Error) {
        match &mut self.0 {
            Some(first) => first.combine(problem),
            None => self.0 = Some(problem),
        }
    }

    pub(crate) fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
