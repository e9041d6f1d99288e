//! From an async function to one that runs it.
//!
//! The function keeps its name, its attributes and its return type. Its body moves into an async
//! function within, so that what the compiler says of it points into the user's own lines.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ItemFn, Lit, Result};

use crate::arguments::{Arguments, Attribute, Problems, Setting};

pub(crate) fn expand(
    attribute: Attribute,
    arguments: &Arguments,
    function: &ItemFn,
) -> Result<TokenStream> {
    check(attribute, function)?;
    let simrun = match &arguments.simrun {
        Some(path) => quote! { #path },
        None => quote! { ::simrun },
    };
    let settings = arguments.settings.iter();
    let settings = settings.map(|setting| method(attribute, &simrun, setting));
    let settings: TokenStream = settings.collect();
    let start = match config(arguments) {
        Some(config) => attribute.configured(&simrun, config),
        None => attribute.start(&simrun),
    };
    let ItemFn {
        attrs,
        vis,
        sig,
        block,
        ..
    } = function;
    let (name, output) = (&sig.ident, &sig.output);
    let mut outer = sig.clone();
    outer.asyncness = None;
    let inner = quote! { async fn #name() #output #block };
    let (head, run) = match attribute {
        Attribute::Test => {
            // The place that a report calls the program's is where its name stands.
            let run = quote_spanned! { name.span() =>
                #simrun::private::test(
                    #start #settings,
                    ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
                    #name,
                )
            };
            // A failure has failed the test already.
            outer.output = syn::ReturnType::Default;
            (quote! { #[::core::prelude::v1::test] }, quote! { #run; })
        }
        Attribute::Main => {
            let run = quote_spanned! { name.span() =>
                #simrun::private::main(#start #settings, #name)
            };
            (TokenStream::new(), run)
        }
    };
    Ok(quote! {
        #head
        #(#attrs)*
        #vis #outer {
            #inner
            #run
        }
    })
}

/// Says what keeps a function from being run.
fn check(attribute: Attribute, function: &ItemFn) -> Result<()> {
    let (sig, name) = (&function.sig, attribute.name());
    let mut problems = Problems::default();
    if sig.asyncness.is_none() {
        let message = format!("`{name}` runs an async function: write `async fn`");
        problems.add(Error::new(sig.fn_token.span(), message));
    }
    if let Some(first) = sig.inputs.first() {
        let help = match attribute {
            Attribute::Test => "; `#[rstest]` above it gives a test its cases",
            Attribute::Main => "",
        };
        let message = format!("nobody could give this function its arguments{help}");
        problems.add(Error::new(first.span(), message));
    }
    if let Some(first) = sig.generics.params.first() {
        let message = "nobody could say what this parameter is";
        problems.add(Error::new(first.span(), message));
    }
    let is_test = |attribute: &&syn::Attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|last| last.ident == "test")
    };
    if attribute == Attribute::Test
        && let Some(other) = function.attrs.iter().find(is_test)
    {
        let message = "a second attribute makes a test of this function: it would run twice";
        problems.add(Error::new(other.span(), message));
    }
    if attribute == Attribute::Main && sig.ident != "main" {
        let message = "`#[simrun::main]` stands before the program's `main`";
        problems.add(Error::new(sig.ident.span(), message));
    }
    problems.into_result()
}

impl Attribute {
    /// Returns what the settings are added to if there is no `config`.
    fn start(self, simrun: &TokenStream) -> TokenStream {
        match self {
            Self::Test => quote! { #simrun::explore::Explorer::new() },
            Self::Main => quote! { #simrun::Sim::new() },
        }
    }

    /// Returns what the settings are added to if there is a `config`.
    fn configured(self, simrun: &TokenStream, config: &Expr) -> TokenStream {
        match self {
            Self::Test => quote_spanned! { config.span() => #simrun::private::explorer(#config) },
            Self::Main => quote_spanned! { config.span() => #simrun::private::sim(#config) },
        }
    }
}

/// Returns the value of `config`.
fn config(arguments: &Arguments) -> Option<&Expr> {
    let mut settings = arguments.settings.iter();
    settings
        .find(|setting| setting.key == "config")?
        .value
        .as_ref()
}

/// Writes a setting as a call of the method that it stands for.
fn method(attribute: Attribute, simrun: &TokenStream, setting: &Setting) -> TokenStream {
    let Setting { key, value } = setting;
    let value = match value {
        Some(value) => quote! { #value },
        None => quote! { true },
    };
    // What is wrong with a value is wrong where it stands.
    let span = value.span();
    match (attribute, key.to_string().as_str()) {
        (_, "config") => TokenStream::new(),
        (Attribute::Test, "regressions") => match is_false(setting) {
            true => quote_spanned! { span => .without_regressions() },
            false => quote_spanned! { span => .regressions_in(#value) },
        },
        (_, "strategy") => quote_spanned! { span => .strategy(#simrun::private::strategy(#value)) },
        _ => quote_spanned! { span => .#key(#value) },
    }
}

fn is_false(setting: &Setting) -> bool {
    let Some(Expr::Lit(ExprLit {
        lit: Lit::Bool(value),
        ..
    })) = &setting.value
    else {
        return false;
    };
    !value.value
}

/// Returns the function as far as the compiler can look at it without a complaint of its own.
pub(crate) fn harmless(function: &ItemFn) -> TokenStream {
    let mut function = function.clone();
    let is_main = function.sig.ident == "main";
    if is_main {
        function.sig.asyncness = None;
        function.sig.inputs.clear();
        *function.block = syn::parse_quote! { { ::core::unimplemented!() } };
    }
    quote! { #[allow(dead_code)] #function }
}
