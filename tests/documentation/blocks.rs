//! Blocks of a text in Markdown. The suite on the real platform (`e2e`) types what is in them.

/// What a fence says of blocks with commands.
const COMMANDS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// A block between fences.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The line of its first fence.
    pub(crate) line: usize,
    /// The language after the fence.
    language: String,
    /// The comment in the line above it.
    pub(crate) comment: Option<String>,
    /// The text, unindented.
    pub(crate) text: String,
}

impl Block {
    /// Whether it has commands in it.
    pub(crate) fn has_commands(&self) -> bool {
        COMMANDS.contains(&self.language.as_str())
    }
}

/// The blocks of a text; `None` where it ends inside one. The other lines, with their numbers, go to
/// `outside`.
pub(crate) fn blocks(markdown: &str, mut outside: impl FnMut(usize, &str)) -> Option<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut above = "";
    for (index, line) in markdown.lines().enumerate() {
        let content = line.trim();
        if let Some(language) = content.strip_prefix("```") {
            match open.take() {
                Some(block) => blocks.push(block),
                None => {
                    open = Some(Block {
                        line: index + 1,
                        language: language.to_owned(),
                        comment: comment(above),
                        text: String::new(),
                    });
                }
            }
        } else if let Some(block) = &mut open {
            block.text.push_str(content);
            block.text.push('\n');
        } else {
            outside(index + 1, line);
        }
        above = content;
    }
    open.is_none().then_some(blocks)
}

/// The text of a line that is nothing but an HTML comment.
fn comment(line: &str) -> Option<String> {
    let text = line.strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(text.trim().to_owned())
}
