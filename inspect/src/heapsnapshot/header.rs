//! `"snapshot"`: how many nodes and edges there are, and which number of each is what.

use serde::Deserialize;

use crate::error::Damage;

use super::{EdgeKind, NodeKind};

/// `"snapshot"` as it is in the file. What is not named here is not used.
#[derive(Deserialize)]
pub(super) struct Header {
    meta: Meta,
    node_count: u64,
    edge_count: u64,
}

#[derive(Deserialize)]
struct Meta {
    node_fields: Vec<String>,
    node_types: Vec<Values>,
    edge_fields: Vec<String>,
    edge_types: Vec<Values>,
}

/// What the values of a field are: one of these names, by number, or what the name says.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    OneOf(Vec<String>),
    A(#[allow(dead_code, reason = "only that it is not a list is of interest")] String),
}

/// What a number of a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeField {
    Kind,
    Name,
    Id,
    Size,
    EdgeCount,
    Unused,
}

/// What a number of an edge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EdgeField {
    Kind,
    Name,
    Target,
    Unused,
}

/// What the header says, checked.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) node_fields: Vec<NodeField>,
    pub(super) node_kinds: Vec<NodeKind>,
    pub(super) edge_fields: Vec<EdgeField>,
    pub(super) edge_kinds: Vec<EdgeKind>,
    pub(super) node_count: u64,
    pub(super) edge_count: u64,
}

/// More fields than this is damage: V8 has at most eight.
const MOST_FIELDS: usize = 64;

/// The most nodes, and the most edges: they are numbered by 32 bits.
pub(super) const MOST: u64 = u32::MAX as u64 - 1;

impl Header {
    pub(super) fn check(self) -> Result<Layout, Damage> {
        let Self { meta, node_count, edge_count } = self;
        for (name, count) in [("node_count", node_count), ("edge_count", edge_count)] {
            if count > MOST {
                return Err(
                    Damage::new(format!("\"{name}\" of at most {MOST}"), count.to_string()).advise(Damage::TOO_LARGE)
                );
            }
        }
        if node_count == 0 {
            return Err(Damage::new("\"node_count\" of 1 or more, since the root is a node", "0"));
        }
        let (node_fields, node_kinds) = fields("node", &meta.node_fields, &meta.node_types, |name| match name {
            "type" => NodeField::Kind,
            "name" => NodeField::Name,
            "id" => NodeField::Id,
            "self_size" => NodeField::Size,
            "edge_count" => NodeField::EdgeCount,
            _ => NodeField::Unused,
        })?;
        for (field, name) in [
            (NodeField::Kind, "type"),
            (NodeField::Name, "name"),
            (NodeField::Id, "id"),
            (NodeField::Size, "self_size"),
            (NodeField::EdgeCount, "edge_count"),
        ] {
            once("node_fields", name, node_fields.iter().filter(|&&other| other == field).count())?;
        }
        let (edge_fields, edge_kinds) = fields("edge", &meta.edge_fields, &meta.edge_types, |name| match name {
            "type" => EdgeField::Kind,
            "name_or_index" => EdgeField::Name,
            "to_node" => EdgeField::Target,
            _ => EdgeField::Unused,
        })?;
        for (field, name) in
            [(EdgeField::Kind, "type"), (EdgeField::Name, "name_or_index"), (EdgeField::Target, "to_node")]
        {
            once("edge_fields", name, edge_fields.iter().filter(|&&other| other == field).count())?;
        }
        Ok(Layout {
            node_fields,
            node_kinds: node_kinds.iter().map(|name| NodeKind::named(name)).collect(),
            edge_fields,
            edge_kinds: edge_kinds.iter().map(|name| EdgeKind::named(name)).collect(),
            node_count,
            edge_count,
        })
    }
}

/// What each number is, and the names of the kinds.
fn fields<'m, F>(
    of: &str,
    names: &[String],
    types: &'m [Values],
    field: impl Fn(&str) -> F,
) -> Result<(Vec<F>, &'m [String]), Damage> {
    if names.len() != types.len() || names.len() > MOST_FIELDS {
        let expected = format!("as many \"{of}_types\" as \"{of}_fields\", at most {MOST_FIELDS}");
        return Err(Damage::new(expected, format!("{} and {}", types.len(), names.len())));
    }
    let at = names.iter().position(|name| name == "type");
    let Some(Values::OneOf(kinds)) = at.map(|at| &types[at]) else {
        let expected = format!("a list of names in \"{of}_types\", where \"{of}_fields\" has \"type\"");
        return Err(Damage::new(expected, "none"));
    };
    if kinds.len() > usize::from(u8::MAX) {
        return Err(Damage::new(format!("at most {} kinds in \"{of}_types\"", u8::MAX), kinds.len().to_string()));
    }
    Ok((names.iter().map(|name| field(name)).collect(), kinds))
}

fn once(list: &str, name: &str, count: usize) -> Result<(), Damage> {
    match count {
        1 => Ok(()),
        _ => Err(Damage::new(format!("\"{name}\" once in \"{list}\""), format!("it {count} times"))),
    }
}
