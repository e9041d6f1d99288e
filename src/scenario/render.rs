//! How mistakes in a scenario file are shown: as compilers do, with the lines that they are about.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Patch, Renderer, Snippet,
};

use super::diagnostic::{Diagnostic, Severity};
use super::source::{Source, Span};

/// Returns the text for a terminal, in the order of the file. Without mistakes it is empty.
pub(crate) fn render(source: &Source, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = match colour {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut order: Vec<_> = diagnostics.iter().collect();
    order.sort_by_key(|diagnostic| diagnostic.at.start);
    let texts = order.into_iter().map(|diagnostic| {
        let report = report(source, diagnostic);
        format!("{}\n", renderer.render(&report))
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn report<'a>(source: &'a Source, diagnostic: &'a Diagnostic) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(&*diagnostic.message)
        .id(diagnostic.code);
    let mut main = title.element(snippet(source, diagnostic));
    for note in &diagnostic.notes {
        main = main.element(Level::NOTE.message(&**note));
    }
    let mut groups = vec![main];
    if let Some(suggestion) = &diagnostic.suggestion {
        let patch = Patch::new(clip(source, suggestion.at), &*suggestion.replacement);
        let snippet = Snippet::source(&*source.text)
            .path(&*source.name)
            .patch(patch);
        let title = Level::HELP.secondary_title(&*suggestion.message);
        groups.push(title.element(snippet));
    }
    groups
}

/// Shows the place and those that explain it.
fn snippet<'a>(source: &'a Source, diagnostic: &'a Diagnostic) -> impl Into<Element<'a>> {
    let annotation = |kind: AnnotationKind, at: Span, label: &'a str| -> Annotation<'a> {
        let annotation = kind.span(clip(source, at));
        match label {
            "" => annotation,
            label => annotation.label(label),
        }
    };
    let place = annotation(AnnotationKind::Primary, diagnostic.at, &diagnostic.label);
    let related = diagnostic
        .related
        .iter()
        .map(|(at, label)| annotation(AnnotationKind::Context, *at, label));
    Snippet::source(&*source.text)
        .path(&*source.name)
        .annotation(place)
        .annotations(related)
}

/// Keeps a place within the file.
fn clip(source: &Source, at: Span) -> std::ops::Range<usize> {
    let length = source.text.len();
    let start = (at.start as usize).min(length);
    start..(at.end as usize).clamp(start, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake() -> (Source, Diagnostic) {
        let source = Source::new("a.toml", "name = 1\n\tlog \"日本\" größe\n");
        let mut diagnostic = Diagnostic::new(
            "S003",
            Severity::Error,
            Span::new(23, 30),
            "nothing is called so",
        );
        diagnostic
            .label("unknown name")
            .related(Span::new(0, 4), "declared here");
        diagnostic.suggest("did you mean `size`?", Span::new(23, 30), "size");
        (source, diagnostic)
    }

    #[test]
    fn a_mistake_is_shown_with_its_lines() {
        let (source, diagnostic) = mistake();
        let shown = render(&source, &[diagnostic], false);
        let expected = "\
error[S003]: nothing is called so
 --> a.toml:2:11
  |
1 | name = 1
  | ---- declared here
2 |     log \"日本\" größe
  |                ^^^^^ unknown name
  |
help: did you mean `size`?
  |
2 -     log \"日本\" größe
2 +     log \"日本\" size
  |
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn colours_are_added_for_terminals() {
        let (source, diagnostic) = mistake();
        let plain = render(&source, std::slice::from_ref(&diagnostic), false);
        let coloured = render(&source, &[diagnostic], true);
        assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}["));
    }

    #[test]
    fn a_place_beyond_the_end_is_moved_to_it() {
        let source = Source::new("a.toml", "a");
        let diagnostic = Diagnostic::new("S001", Severity::Warning, Span::new(5, 9), "too far");
        assert!(render(&source, &[diagnostic], false).starts_with("warning[S001]: too far"));
    }
}
