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
