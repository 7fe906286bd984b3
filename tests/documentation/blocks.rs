//! Blocks of a text in Markdown. The suite on the real platform (`e2e`) types their commands.

use std::ops::Deref;

/// The info string of a block with commands.
const COMMANDS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// A block between fences.
#[derive(Clone, Debug)]
pub struct Block {
    /// The line of its first fence.
    pub line: usize,
    /// The language after the fence.
    pub language: String,
    /// The comment in the line above it.
    pub comment: Option<String>,
    /// The text, without the indentation of the fence.
    pub text: String,
    /// The `text` block that follows directly: the output of the commands.
    pub output: Option<String>,
}

impl Block {
    /// Whether it has commands in it.
    #[must_use]
    pub fn has_commands(&self) -> bool {
        COMMANDS.contains(&self.language.as_str())
    }

    /// The block with a text replaced, in its output too.
    #[must_use]
    pub fn with(&self, from: &str, to: &str) -> Self {
        let mut block = self.clone();
        block.text = block.text.replace(from, to);
        block.output = block.output.map(|output| output.replace(from, to));
        block
    }
}

/// Cases that change the commands of a page read them as text.
impl Deref for Block {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// The blocks of a text, without those that are the output of the block before; `None` if the text
/// ends inside a block. The other lines, with their numbers, go to `outside`.
pub fn blocks(markdown: &str, mut outside: impl FnMut(usize, &str)) -> Option<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    let mut above = "";
    let mut indentation = 0;
    // Whether only blank lines stand between the last block and this line.
    let mut follows = false;
    for (index, line) in markdown.lines().enumerate() {
        let content = line.trim();
        if let Some(language) = content.strip_prefix("```") {
            if let Some(block) = open.take() {
                let commands = blocks
                    .last_mut()
                    .filter(|last| follows && block.language == "text" && last.has_commands());
                match commands {
                    Some(commands) => commands.output = Some(block.text),
                    None => blocks.push(block),
                }
                follows = true;
            } else {
                indentation = line.len() - line.trim_start().len();
                open = Some(Block {
                    line: index + 1,
                    language: language.to_owned(),
                    comment: comment(above),
                    text: String::new(),
                    output: None,
                });
            }
        } else if let Some(block) = &mut open {
            block
                .text
                .push_str(line.get(indentation..).unwrap_or_default());
            block.text.push('\n');
        } else {
            follows = follows && content.is_empty();
            outside(index + 1, line);
        }
        above = content;
    }
    open.is_none().then_some(blocks)
}

/// The text of a line that consists of an HTML comment.
fn comment(line: &str) -> Option<String> {
    let text = line.strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(text.trim().to_owned())
}
