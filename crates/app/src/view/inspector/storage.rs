//! The rows that are really on the store's disk.

use types::{
    disk::{Field as RowField, FieldValue, Row, RowKey},
    frame::StoreFrame,
    view::StoreView,
};
use yew::prelude::*;

use super::{
    fields::{Field, fields, heading},
    list::list,
    shown_peer, waiting,
};
use crate::{
    model::bytes::{clip, hex, hex_short, shown},
    view::cx::Cx,
    words::variants,
};

/// The page.
pub fn storage(cx: Cx<'_>, store: &StoreFrame, view: Option<&StoreView>) -> Html {
    let rows = cx
        .state
        .inspector
        .rows
        .as_ref()
        .filter(|rows| rows.store == store.id);
    let Some(rows) = rows else { return waiting() };
    let place = match &cx.state.disks {
        Some(kind) if variants::disks(kind) == "memory" => cx.t("disks-memory"),
        _ => "IndexedDB".to_owned(),
    };
    let peer = view.and_then(|view| shown_peer(cx, view));
    let applied = peer.map_or(store.applied, |peer| peer.applied);
    let flushed = peer.map_or(store.flushed, |peer| peer.flushed);
    let top = vec![
        Field::plain("applied", "field-applied", &applied),
        Field::plain("on-disk", "field-on-disk", &flushed),
        Field::plain("last", "field-last-on-disk", &store.durable),
        Field::plain("rows", "field-rows", &rows.rows.len()),
    ];
    let head = html! {
        <div class="vl-head st-row" role="row">
            <span>{ cx.t("column-key") }</span><span>{ cx.t("column-meaning") }</span>
            <span class="n">{ cx.t("column-bytes") }</span>
        </div>
    };
    html! {
        <>
            { heading(cx.t("heading-disk"), place) }
            { fields(cx, false, top) }
            { heading(cx.t("heading-rows"), cx.t("rows-note")) }
            { list(cx, "row-list", rows.rows.len(), head, |at| {
                let (row, key) = &rows.rows[at];
                line(row, key)
            }) }
        </>
    }
}

fn line(row: &Row, key: &[u8]) -> Html {
    let table = row.key.table();
    let meaning = meaning(row);
    let values = values(&row.value.fields);
    let title = format!("{}\n{}\n{values}", table.name(), hex(key));
    html! {
        <div class="vl-row st-row" role="row" data-testid="row" data-table={table.name()}
            data-row-key={hex(key)} data-crc={row.value.crc.to_string()}
            data-bytes={hex(&row.value.bytes)} title={title}>
            <code>{ hex_short(key) }</code>
            <span class="st-mean"><b>{ meaning }</b><small>{ clip(&values, 60) }</small></span>
            <span class="n">{ row.value.bytes.len() }</span>
        </div>
    }
}

/// What a row is, in the trade's words.
fn meaning(row: &Row) -> String {
    match &row.key {
        RowKey::StoreIdent => "store ident".to_owned(),
        RowKey::LastCycle => "last cycle".to_owned(),
        RowKey::RaftLog { region, first } => match last_index(&row.value.fields) {
            Some(last) if last > first.get() => format!("{region} raft log {first}–{last}"),
            _ => format!("{region} raft log {first}"),
        },
        RowKey::RaftState { region } => format!("{region} raft state"),
        RowKey::ApplyState { region } => format!("{region} apply state"),
        RowKey::RegionState { region } if is_tombstone(&row.value.fields) => {
            format!("{region} tombstone")
        }
        RowKey::RegionState { region } => format!("{region} region state"),
        RowKey::Session { region, client } => format!("{region} session {client}"),
        RowKey::Data { key, .. } => format!("data {}", shown(key)),
        RowKey::Scheduler(key) => format!("scheduler {key:?}"),
    }
}

/// Whether the row says that the peer left the store for good.
fn is_tombstone(fields: &[RowField]) -> bool {
    let is_state = |field: &&RowField| field.name == "state";
    let tombstone = FieldValue::Text("Tombstone".to_owned());
    let state = fields.iter().find(is_state);
    state.is_some_and(|field| field.value == tombstone)
}

/// The last entry of a run, as the row says for human eyes.
fn last_index(fields: &[RowField]) -> Option<u64> {
    fields
        .iter()
        .find(|field| field.name == "last_index")
        .and_then(|field| match &field.value {
            FieldValue::Number(number) => Some(*number),
            FieldValue::Text(_) => None,
        })
}

fn values(fields: &[RowField]) -> String {
    let value = |field: &RowField| match &field.value {
        FieldValue::Number(number) => format!("{} {number}", field.name),
        FieldValue::Text(text) => format!("{} {text}", field.name),
    };
    // What the meaning already says is left out.
    let said = |field: &&RowField| !matches!(field.name.as_str(), "first_index" | "last_index");
    let run = fields.iter().any(|field| field.name == "first_index");
    fields
        .iter()
        .filter(|field| !run || said(field))
        .map(value)
        .collect::<Vec<_>>()
        .join(" · ")
}
