//! Hash ids as token streams, few and long.
//!
//! One stream an id would be exact and slow: prompts of a hundred segments, most of which nobody else ever has. So ids that
//! always follow one another become one stream (of the ids that follow another, the first seen continues its stream, the
//! others branch off), and ids at the end of a prompt that no other prompt has become part of its private tail. Which
//! prompts agree up to which token stays the same; the tests hold it against one stream an id.

use std::{collections::HashMap, sync::Arc};

use super::RawRow;
use crate::request::{Segment, StreamId};

/// What is known about an id from all prompts.
struct Id {
    /// In how many places of prompts it stands.
    uses: u32,
    /// The id in front of it, if it is always the same one; ids at the start of a prompt have none.
    parent: Option<u64>,
    /// It has stood behind different ids, or at the start and elsewhere.
    mixed: bool,
    /// The id that continues its stream.
    heir: Option<u64>,
}

/// The shared segments of each prompt.
pub(super) fn shared(rows: &[(u32, RawRow)], block_size: u32, scale: f64) -> Vec<Arc<[Segment]>> {
    let mut ids: HashMap<u64, Id> = HashMap::new();
    for (_, row) in rows {
        let mut before = None;
        for id in &row.hash_ids {
            let known = ids.entry(*id).or_insert(Id { uses: 0, parent: before, mixed: false, heir: None });
            known.uses += 1;
            known.mixed |= known.parent != before;
            before = Some(*id);
        }
    }
    let nothing: Arc<[Segment]> = Arc::default();
    let mut streams: HashMap<u64, u64> = HashMap::new();
    rows.iter()
        .map(|(_, row)| {
            let own = row.hash_ids.iter().rev().take_while(|id| ids[*id].uses == 1).count();
            let kept = &row.hash_ids[..row.hash_ids.len() - own];
            if kept.is_empty() {
                nothing.clone()
            } else {
                segments(kept, row, block_size, scale, &mut ids, &mut streams)
            }
        })
        .collect()
}

fn segments(
    kept: &[u64],
    row: &RawRow,
    block_size: u32,
    scale: f64,
    ids: &mut HashMap<u64, Id>,
    streams: &mut HashMap<u64, u64>,
) -> Arc<[Segment]> {
    // Ends are rounded as positions in the prompt: equal beginnings keep equal ends under any scale.
    let end = |blocks: usize| {
        let tokens = (blocks as u64 * u64::from(block_size)).min(u64::from(row.input_tokens));
        (tokens as f64 * scale).round() as u32
    };
    let mut list: Vec<Segment> = Vec::new();
    let mut before: Option<u64> = None;
    for (index, id) in kept.iter().enumerate() {
        let tokens = end(index + 1) - end(index);
        let follows = !ids[id].mixed
            && before.is_some_and(|parent| {
                *ids.get_mut(&parent).expect("every id is known").heir.get_or_insert(*id) == *id
            });
        match list.last_mut() {
            Some(segment) if follows => segment.tokens += tokens,
            _ => {
                let number = streams.len() as u64;
                let number = *streams.entry(*id).or_insert(number);
                list.push(Segment { stream: StreamId(number), tokens });
            }
        }
        before = Some(*id);
    }
    list.into()
}
