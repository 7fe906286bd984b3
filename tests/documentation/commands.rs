//! Command blocks: the line above each says which case of the suite on the real platform runs it,
//! `<!-- run: CASE -->`, or why none does, `<!-- not run: REASON -->`.

use super::{assert_none, pages, root, sources};

#[test]
fn each_command_block_is_run_or_says_why_not() {
    let mut problems = Vec::new();
    println!("Command blocks that nothing runs:");
    for page in pages() {
        for block in &page.blocks {
            if !block.has_commands() {
                continue;
            }
            let place = format!("{}:{}", page.name(), block.line);
            let comment = block.comment.as_deref().unwrap_or_default();
            if let Some(name) = comment.strip_prefix("run: ") {
                if !is_case(name) {
                    problems.push(format!("{place}: the suite has no case {name}"));
                }
            } else if let Some(reason) = comment.strip_prefix("not run: ") {
                let first = block.text.lines().next().unwrap_or_default();
                println!("{place}: {first}\n    {reason}");
            } else {
                problems.push(format!("{place}: neither `run:` nor `not run:` above it"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn shows_code_that_is_there() {
    let sources = sources("e2e/src");
    let pages = pages();
    let blocks = pages.iter().flat_map(|page| &page.blocks);
    let code: Vec<_> = blocks.filter(|block| block.language == "rust").collect();
    assert!(!code.is_empty(), "CONTRIBUTING.md shows a case");
    for block in code {
        assert!(
            sources.contains(&block.text),
            "no source has\n{}",
            block.text
        );
    }
}

/// Whether the suite has a function for a case of this name, in the module or the folder of its
/// theme.
fn is_case(name: &str) -> bool {
    let Some((theme, function)) = name.split_once("::") else {
        return false;
    };
    let folder = format!("e2e/src/cases/{theme}");
    let places = [format!("{folder}.rs"), folder];
    let places = places.iter().filter(|place| root().join(place).exists());
    let function = format!("\nfn {function}(case: &Case<'_>) -> Result<()> {{");
    places
        .into_iter()
        .any(|place| sources(place).contains(&function))
}
