//! The strip at the bottom: counts, seed, disks, hash.

use protocol::DiskKind;
use types::frame::OperationState;
use yew::prelude::*;

use super::{cx::Cx, icons::icon, verdict};
use crate::{model::bytes::grouped, words::variants};

/// The whole strip.
pub fn strip(cx: Cx<'_>) -> Html {
    let Some(frame) = &cx.state.frame else {
        return html! { <footer class="strip"></footer> };
    };
    let settings = frame.settings;
    html! {
        <footer class="strip" aria-label={cx.t("strip-label")}>
            { operations(cx) }
            <span class="st-cell" data-testid="in-flight"
                data-value={frame.messages.len().to_string()}>
                <b>{ frame.messages.len() }</b>{ cx.t("strip-in-flight") }
            </span>
            <span class="st-cell" data-testid="event" data-value={frame.event.to_string()}>
                { cx.t("strip-event") }<b>{ grouped(frame.event.seq) }</b>
                if frame.event.segment > 1 {
                    <small>
                        { cx.tr("strip-segment",
                            [("segment", frame.event.segment.to_string().into())]) }
                    </small>
                }
            </span>
            <span class="spacer"></span>
            <span class="st-cell mut" data-testid="seed" data-value={settings.seed.to_string()}>
                { cx.t("strip-seed") }<b>{ settings.seed }</b>
            </span>
            <span class="st-cell mut" data-testid="run-hash"
                data-value={format!("{:016x}", frame.run_hash)}
                title={format!("{} {:016x}", cx.t("strip-hash-explained"), frame.run_hash)}>
                { cx.t("strip-hash") }
                <b>{ format!("{:08x}", frame.run_hash >> 32) }</b>
            </span>
            { disks(cx) }
            { verdict::chips(cx) }
        </footer>
    }
}

fn operations(cx: Cx<'_>) -> Html {
    let operations = cx
        .state
        .frame
        .as_ref()
        .map(|frame| frame.operations.as_slice())
        .unwrap_or_default();
    let count = |name: &str| {
        let is = |state: &OperationState| variants::operation(state) == name;
        operations.iter().filter(|one| is(&one.state)).count()
    };
    let cell = |id: &'static str, name: &str, key: &str, always: bool| {
        let number = count(name);
        html! {
            <span class={classes!("st-part", format!("is-{name}"))} data-testid={id}
                data-value={number.to_string()} hidden={!always && number == 0}>
                <b>{ number }</b>{ cx.t(key) }
            </span>
        }
    };
    html! {
        <span class="st-cell ops-cell">
            { icon("client") }
            { cell("ops-open", "open", "operation-open", true) }
            { cell("ops-done", "done", "operation-done", true) }
            { cell("ops-failed", "failed", "operation-failed", false) }
            { cell("ops-unknown", "unknown", "operation-unknown", false) }
            { cell("ops-never-sent", "never-sent", "operation-never-sent", false) }
        </span>
    }
}

fn disks(cx: Cx<'_>) -> Html {
    let Some(kind) = &cx.state.disks else {
        return Html::default();
    };
    let (class, sign, words) = match kind {
        DiskKind::IndexedDb => ("st-cell mut", "disk", "IndexedDB".to_owned()),
        DiskKind::Memory { .. } => ("st-cell mut warn-t", "memory", cx.t("disks-memory")),
    };
    html! {
        <span class={class} data-testid="disks" data-value={variants::disks(kind)}>
            { icon(sign) }{ words }
        </span>
    }
}
