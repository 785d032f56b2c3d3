//! Which key does what.

use types::id::StoreId;

use super::{
    region::RegionDeed,
    state::State,
    ui::{Overlay, Person, Tool},
};

/// A key that was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// The key, as browsers name it.
    pub key: String,
    /// Whether Control, Alt or the system key was held.
    pub modified: bool,
    /// Whether Alt alone was held.
    pub alt: bool,
    /// Where the focus is.
    pub focus: Focus,
}

/// What has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// Something that takes text.
    Text,
    /// Something that Enter and Space press.
    Button,
    /// A store's button, which Space does not press while the transport is meant.
    Page,
}

/// What `press` means now; nothing when the browser should have it.
#[must_use]
pub fn meaning(press: &Press, state: &State) -> Option<Person> {
    if press.key == "Escape" {
        return Some(Person::Close);
    }
    if press.alt && press.focus != Focus::Text && state.overlay.is_none() {
        return match press.key.as_str() {
            "ArrowLeft" => Some(Person::ShowBeside(false)),
            "ArrowRight" => Some(Person::ShowBeside(true)),
            _ => None,
        };
    }
    if press.modified || press.focus == Focus::Text {
        return None;
    }
    if matches!(
        state.overlay,
        Some(Overlay::NewCluster | Overlay::Settings | Overlay::Split)
    ) {
        return None;
    }
    let walling = state.tool == Tool::Wall;
    match press.key.as_str() {
        " " if press.focus == Focus::Page => Some(Person::Toggle),
        "Enter" if walling && press.focus == Focus::Page => Some(Person::BuildWall),
        "." => Some(Person::Step),
        "[" => Some(Person::Slower),
        "]" => Some(Person::Faster),
        "h" | "H" => Some(Person::Heal),
        "p" | "P" => Some(Person::Take(if walling {
            Tool::Select
        } else {
            Tool::Wall
        })),
        "v" | "V" => Some(Person::Take(Tool::Select)),
        "?" => Some(Person::Open(Overlay::Shortcuts)),
        "k" | "K" => on_selected(state, |store| {
            Person::Act(types::action::Action::Kill { store })
        }),
        "r" | "R" => on_selected(state, |store| {
            Person::Act(types::action::Action::Start { store })
        }),
        "s" | "S" => Some(Person::Open(Overlay::Split)),
        "g" | "G" => Some(Person::Open(Overlay::RegionMenu)),
        "c" | "C" => Some(Person::Region(RegionDeed::Compact)),
        "e" | "E" => on_selected(state, |store| Person::Region(RegionDeed::Campaign(store))),
        "t" | "T" => on_selected(state, |store| Person::Region(RegionDeed::Lead(store))),
        "x" | "X" => on_selected(state, Person::Isolate),
        key => digit(key, state),
    }
}

fn on_selected(state: &State, person: impl Fn(StoreId) -> Person) -> Option<Person> {
    state.selected.map(person)
}

fn digit(key: &str, state: &State) -> Option<Person> {
    let number: u64 = key.parse().ok().filter(|_| key.len() == 1)?;
    let store = StoreId::try_from(number).ok()?;
    state
        .stores()
        .contains(&store)
        .then_some(Person::Pick(Some(store)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{look, setup::Setup};

    fn press(key: &str, focus: Focus) -> Press {
        Press {
            key: key.to_owned(),
            modified: false,
            alt: false,
            focus,
        }
    }

    #[test]
    fn letters_do_nothing_while_a_field_has_the_focus() {
        let state = State::new(Setup::default(), look::Theme::Auto, look::Lang::En);
        for key in [" ", ".", "k", "1", "?"] {
            assert_eq!(meaning(&press(key, Focus::Text), &state), None, "{key}");
        }
        assert_eq!(
            meaning(&press("Escape", Focus::Text), &state),
            Some(Person::Close)
        );
        assert_eq!(
            meaning(&press(" ", Focus::Page), &state),
            Some(Person::Toggle)
        );
        assert_eq!(meaning(&press(" ", Focus::Button), &state), None);
    }

    #[test]
    fn alt_and_the_arrows_walk_through_the_regions() {
        let state = State::new(Setup::default(), look::Theme::Auto, look::Lang::En);
        for (key, behind) in [("ArrowLeft", false), ("ArrowRight", true)] {
            let mut press = press(key, Focus::Page);
            assert_eq!(meaning(&press, &state), None);
            (press.alt, press.modified) = (true, true);
            assert_eq!(meaning(&press, &state), Some(Person::ShowBeside(behind)));
            press.focus = Focus::Text;
            assert_eq!(meaning(&press, &state), None);
        }
    }

    #[test]
    fn digits_name_only_stores_that_exist() {
        let state = State::new(Setup::default(), look::Theme::Auto, look::Lang::En);
        let five = Some(Person::Pick(Some(StoreId::new(5))));
        assert_eq!(meaning(&press("5", Focus::Page), &state), five);
        assert_eq!(meaning(&press("6", Focus::Page), &state), None);
        assert_eq!(meaning(&press("0", Focus::Page), &state), None);
    }
}
