//! Command blocks: the line above each says which case of the suite on the real platform runs it,
//! `<!-- run: CASE -->`, or why none does, `<!-- not run: REASON -->`.

use super::{assert_none, pages, sources};

/// What a fence says of blocks with commands.
const LANGUAGES: [&str; 4] = ["sh", "bash", "shell", "console"];

#[test]
fn each_command_block_is_run_or_says_why_not() {
    let suite = sources("e2e/src");
    let mut problems = Vec::new();
    println!("Command blocks that nothing runs:");
    for page in pages() {
        for block in &page.blocks {
            if !LANGUAGES.contains(&block.language.as_str()) {
                continue;
            }
            let place = format!("{}:{}", page.name(), block.line);
            let comment = block.comment.as_deref().unwrap_or_default();
            if let Some(name) = comment.strip_prefix("run: ") {
                if !suite.contains(&format!("\"{name}\"")) {
                    problems.push(format!("{place}: the suite has no case {name}"));
                }
            } else if let Some(reason) = comment.strip_prefix("not run: ") {
                println!("{place}: {}\n    {reason}", block.start);
            } else {
                problems.push(format!("{place}: neither `run:` nor `not run:` above it"));
            }
        }
    }
    assert_none(&problems);
}
