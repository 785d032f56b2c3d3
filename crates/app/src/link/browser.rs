//! Small ways into the browser. Each of them may be refused; none of them may stop the page.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{
    Blob, BlobPropertyBag, Document, HtmlAnchorElement, HtmlElement, Storage, Url, UrlSearchParams,
    Window,
};

use crate::model::{
    look::{Lang, Theme},
    setup::Setup,
    ui::Effect,
};

const THEME: &str = "raft-playground-theme";
const LANG: &str = "raft-playground-lang";

/// The window.
///
/// # Panics
///
/// Outside of a page.
#[must_use]
pub fn window() -> Window {
    web_sys::window().expect("the app runs in a page")
}

/// The document.
///
/// # Panics
///
/// Outside of a page.
#[must_use]
pub fn document() -> Document {
    window().document().expect("a page has a document")
}

/// Real milliseconds since the page was loaded.
#[must_use]
pub fn now_ms() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// What the browser said, in its own words.
#[must_use]
pub fn words(error: &JsValue) -> String {
    let message = js_sys::Reflect::get(error, &JsValue::from_str("message"))
        .ok()
        .and_then(|message| message.as_string())
        .filter(|message| !message.is_empty());
    message
        .or_else(|| error.as_string())
        .unwrap_or_else(|| format!("{error:?}"))
}

/// The absolute address of a file beside the page.
///
/// # Errors
///
/// What the browser says when the page has no usable address.
pub fn address_of(file: &str) -> Result<String, JsValue> {
    let base = document().base_uri()?.unwrap_or_default();
    Ok(Url::new_with_base(file, &base)?.href())
}

/// Whether the page's origin is opaque, as in a sandboxed frame.
#[must_use]
pub fn is_opaque() -> bool {
    window().origin() == "null"
}

/// What the address of the page asks for.
#[must_use]
pub fn setup() -> Setup {
    let search = window().location().search().unwrap_or_default();
    let Ok(params) = UrlSearchParams::new_with_str(&search) else {
        return Setup::default();
    };
    let mut pairs = Vec::new();
    for pair in params.entries().into_iter().flatten() {
        let pair: Array = pair.unchecked_into();
        if let (Some(name), Some(value)) = (pair.get(0).as_string(), pair.get(1).as_string()) {
            pairs.push((name, value));
        }
    }
    Setup::from_pairs(pairs)
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn kept(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

fn keep(key: &str, value: &str) {
    if let Some(storage) = storage() {
        // A full or closed storage only means that the choice is not remembered.
        let _ = storage.set_item(key, value);
    }
}

/// The colours to start with.
#[must_use]
pub fn first_theme(setup: &Setup) -> Theme {
    setup
        .theme
        .or_else(|| Theme::named(&kept(THEME)?))
        .unwrap_or_default()
}

/// The language to start with.
#[must_use]
pub fn first_lang(setup: &Setup) -> Lang {
    let system = || Lang::tagged(&window().navigator().language()?);
    setup
        .lang
        .or_else(|| Lang::tagged(&kept(LANG)?))
        .or_else(system)
        .unwrap_or_default()
}

/// Sets an attribute of the document's root.
pub fn mark(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(name, value);
    }
}

/// Wears `theme`.
pub fn wear(theme: Theme) {
    mark("data-theme", theme.name());
}

/// Does what concerns the browser alone.
pub fn carry_out(effect: &Effect) {
    match effect {
        Effect::Theme(theme) => {
            keep(THEME, theme.name());
            wear(*theme);
        }
        Effect::Lang(lang) => {
            keep(LANG, lang.name());
            mark("lang", lang.name());
        }
        Effect::Reload => {
            let _ = window().location().reload();
        }
        Effect::Go(address) => go(address),
        Effect::Save { name, bytes } => {
            // Without the right to download, a frame ignores the click.
            let _ = save(name, bytes);
        }
        Effect::Focus(selector) => focus_later(selector),
        Effect::Send(_) | Effect::StartWorker | Effect::StopWorker => {}
    }
}

/// Goes to an address and keeps the parameters that are about the page.
fn go(address: &str) {
    let location = window().location();
    let mut target = address.to_owned();
    let search = location.search().unwrap_or_default();
    if let Ok(params) = UrlSearchParams::new_with_str(&search) {
        for name in ["lang", "theme", "hooks"] {
            if let Some(value) = params.get(name) {
                let glue = if target.ends_with('?') { "" } else { "&" };
                target.push_str(&format!("{glue}{name}={value}"));
            }
        }
    }
    let _ = location.assign(&target);
}

fn save(name: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    let kind = BlobPropertyBag::new();
    kind.set_type("application/octet-stream");
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &kind)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let anchor: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    later(60_000, move || {
        let _ = Url::revoke_object_url(&url);
    });
    Ok(())
}

/// Calls `action` after `ms` real milliseconds.
pub fn later(ms: i32, action: impl FnOnce() + 'static) {
    let action = Closure::once_into_js(action);
    let _ =
        window().set_timeout_with_callback_and_timeout_and_arguments_0(action.unchecked_ref(), ms);
}

fn focus_later(selector: &'static str) {
    later(0, move || {
        let found = document().query_selector(selector).ok().flatten();
        if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    });
}

/// Whether a media query holds.
#[must_use]
pub fn media(query: &str) -> bool {
    window()
        .match_media(query)
        .ok()
        .flatten()
        .is_some_and(|list| list.matches())
}

/// The width of the window in pixels.
#[must_use]
pub fn width() -> f64 {
    window()
        .inner_width()
        .ok()
        .and_then(|width| width.as_f64())
        .unwrap_or(1_440.0)
}
