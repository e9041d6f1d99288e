//! The attributes of [simrun](https://docs.rs/simrun), which documents them where it exports them.

mod arguments;
mod expand;

use proc_macro::TokenStream;
use syn::ItemFn;

use arguments::{Arguments, Attribute};

/// Makes a test of an async function: see `simrun::test`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    expand(Attribute::Test, arguments, function)
}

/// Makes a program's `main` of an async function: see `simrun::main`.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, function: TokenStream) -> TokenStream {
    expand(Attribute::Main, arguments, function)
}

/// Expands an attribute. What cannot be expanded is left in place beside the error, so that the
/// compiler does not complain of a function that is gone as well.
fn expand(attribute: Attribute, arguments: TokenStream, function: TokenStream) -> TokenStream {
    let original = proc_macro2::TokenStream::from(function.clone());
    let function = match syn::parse::<ItemFn>(function) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote::quote! { #original #error }.into();
        }
    };
    let expanded = Arguments::parse(attribute, arguments.into())
        .and_then(|arguments| expand::expand(attribute, &arguments, &function));
    let expanded = expanded.unwrap_or_else(|error| {
        let (error, harmless) = (error.into_compile_error(), expand::harmless(&function));
        quote::quote! { #harmless #error }
    });
    expanded.into()
}
