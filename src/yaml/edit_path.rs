//! The way of an edit into a document, and what keeps it out.

use super::edit_refusal::EditRefusal;
use super::layout::Layout;
use super::node::{Node, NodeKind, NodeStyle};
use super::pointer::parse_index;
use super::splice::{EditSite, Splice};

/// The way from the root to a node.
pub(super) struct NodePath<'a, 't> {
    /// The containers passed, outermost first, and the position in each.
    pub(super) trail: Vec<(&'a Node, usize)>,
    pub(super) node: &'a Node,
    /// What of the pointer is not there.
    pub(super) rest: &'t [String],
}

/// Whether a change stays within these lines.
pub(super) fn stays_within(splice: &Splice, lines: &std::ops::Range<usize>) -> bool {
    // Lines at the end of a file without a final break go together with the break before them.
    let start = lines.start.saturating_sub(2);
    start <= splice.range.start && splice.range.end <= lines.end
}

/// The ways of a site, then those without literal block scalars: comments that follow one may become a part of it.
pub(super) fn candidate_splices(
    site: EditSite<'_>,
    ways: impl Fn(&EditSite<'_>) -> Vec<Splice>,
) -> Vec<Splice> {
    let quoted = EditSite { layout: Layout { literals: false, ..site.layout }, ..site };
    ways(&site).into_iter().chain(ways(&quoted)).collect()
}

/// Goes down as far as the pointer leads. Refuses to go through an alias, a merge key, or what aliases refer to.
pub(super) fn walk<'a, 't>(root: &'a Node, tokens: &'t [String]) -> Result<NodePath<'a, 't>, EditRefusal> {
    let mut walk = NodePath { trail: Vec::new(), node: root, rest: tokens };
    while let [token, rest @ ..] = walk.rest {
        let (position, next) = match &walk.node.kind {
            NodeKind::Mapping(entries) => {
                let Some(position) = entries.iter().position(|(key, _)| key.name == *token) else { break };
                // A merged value is overridden by a key of the map's own.
                if entries[position].0.merged {
                    if rest.is_empty() {
                        break;
                    }
                    return Err(EditRefusal::KeyMerged(token.clone()));
                }
                (position, &entries[position].1)
            }
            NodeKind::Sequence(_) if token == "-" => break,
            NodeKind::Sequence(items) => {
                let position = parse_index(token, items.len())?;
                (position, &items[position])
            }
            _ => break,
        };
        refuse_own(walk.node)?;
        walk.trail.push((walk.node, position));
        walk.node = next;
        walk.rest = rest;
    }
    Ok(walk)
}

/// Refuses a node that is written elsewhere, or is also used elsewhere.
pub(super) fn refuse_own(node: &Node) -> Result<(), EditRefusal> {
    if node.form.style == NodeStyle::Alias {
        return Err(EditRefusal::Alias);
    }
    if node.form.shared {
        return Err(EditRefusal::Anchor);
    }
    Ok(())
}

/// Refuses a node that is, or holds, an anchor that aliases refer to.
pub(super) fn refuse_shared(node: &Node) -> Result<(), EditRefusal> {
    if node.form.style == NodeStyle::Alias {
        return Ok(());
    }
    if node.form.shared {
        return refuse_own(node);
    }
    match &node.kind {
        NodeKind::Sequence(items) => items.iter().try_for_each(refuse_shared),
        NodeKind::Mapping(entries) => {
            entries.iter().filter(|(key, _)| !key.merged).try_for_each(|(_, value)| refuse_shared(value))
        }
        _ => Ok(()),
    }
}
