//! Links inside the repository.

use super::{assert_none, pages};

#[test]
fn links_inside_the_repository_resolve() {
    let pages = pages();
    let mut problems = Vec::new();
    for page in &pages {
        for (line, link) in &page.links {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.file.clone()
            } else {
                page.file.with_file_name(path)
            };
            let Ok(target) = target.canonicalize() else {
                problems.push(format!("{}:{line}: there is no {path}", page.name()));
                continue;
            };
            if anchor.is_empty() {
                continue;
            }
            let target = pages.iter().find(|page| page.file == target);
            if !target.is_some_and(|page| page.anchors.iter().any(|known| known == anchor)) {
                problems.push(format!("{}:{line}: no heading for #{anchor}", page.name()));
            }
        }
    }
    assert_none(&problems);
}
