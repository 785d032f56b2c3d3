//! The page as a person meets it: what is drawn, and what can be clicked.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use thirtyfour::{By, WebElement};

use super::page::Page;
use super::wait::{PATIENCE, until};

/// Names an element of the page.
#[derive(Debug, Clone)]
pub struct Selector(String);

/// The element with this test id.
#[must_use]
pub fn by(id: &str) -> Selector {
    Selector(format!("[data-testid=\"{id}\"]"))
}

impl Selector {
    /// The same, with an attribute as well.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: &str) -> Self {
        self.0.push_str(&format!("[data-{attribute}=\"{value}\"]"));
        self
    }

    /// All elements inside of it that have this data attribute.
    #[must_use]
    pub fn kids(mut self, attribute: &str) -> Self {
        self.0.push_str(&format!(" [data-{attribute}]"));
        self
    }

    /// An element with this test id inside of it.
    #[must_use]
    pub fn inside(mut self, id: &str) -> Self {
        self.0.push_str(&format!(" [data-testid=\"{id}\"]"));
        self
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dot {
    /// `segment.seq#nth`.
    pub message_id: String,
    /// The sender's number.
    pub from: String,
    /// The receiver's number.
    pub to: String,
    /// The kind, in words with hyphens.
    pub kind: String,
    /// The term.
    pub term: String,
    /// Whether it is a second copy.
    pub duplicate: String,
}

impl Page {
    /// Waits for an element and returns it.
    ///
    /// # Errors
    ///
    /// When it does not appear.
    pub async fn find(&self, selector: &Selector) -> Result<WebElement> {
        self.find_within(selector, PATIENCE).await
    }

    /// As [`Page::find`], with a deadline of its own.
    ///
    /// # Errors
    ///
    /// When it does not appear.
    pub async fn find_within(&self, selector: &Selector, limit: Duration) -> Result<WebElement> {
        let Selector(css) = selector;
        let found = until(format!("{css} is there"), limit, || async {
            let all = self.session.driver.find_all(By::Css(css.as_str())).await?;
            Ok(all.into_iter().next())
        });
        found.await
    }

    /// Clicks an element as a person does; it must be there, visible and not covered.
    ///
    /// # Errors
    ///
    /// When it cannot be clicked.
    pub async fn click(&self, selector: &Selector) -> Result<()> {
        let refusal = RefCell::new(String::from("not there"));
        let clicked = until(format!("{selector} can be clicked"), PATIENCE, || async {
            let all = self
                .session
                .driver
                .find_all(By::Css(selector.0.as_str()))
                .await?;
            let Some(element) = all.first() else {
                return Ok(None);
            };
            // What is drawn anew with every frame may be replaced between two commands.
            Ok(element
                .click()
                .await
                .map_err(|error| refusal.replace(error.to_string()))
                .ok())
        });
        clicked
            .await
            .with_context(|| format!("last refusal: {}", refusal.borrow()))
    }

    /// Replaces what stands in an input.
    ///
    /// # Errors
    ///
    /// When it is not there or not an input.
    pub async fn fill(&self, selector: &Selector, text: &str) -> Result<()> {
        let input = self.find(selector).await?;
        input.clear().await?;
        input.send_keys(text).await?;
        Ok(())
    }

    /// The data attributes of all elements that match, in document order.
    ///
    /// # Errors
    ///
    /// When one lacks an attribute that `T` has.
    pub async fn data<T: DeserializeOwned>(&self, selector: &Selector) -> Result<Vec<T>> {
        let script = "return Array.from(document.querySelectorAll(arguments[0]), \
            (element) => Object.assign({}, element.dataset))";
        self.script(script, &[json!(selector.0)]).await
    }

    /// Waits until an element's data attribute is as wanted.
    ///
    /// # Errors
    ///
    /// When it does not come to it.
    pub async fn data_is(&self, selector: &Selector, name: &str, wanted: &str) -> Result<()> {
        let seen = RefCell::new(None);
        let script = "return document.querySelector(arguments[0])?.dataset[arguments[1]] ?? null";
        let what = format!("{name} of {selector} is {wanted:?}");
        let found = until(what, PATIENCE, || async {
            let value: Option<String> = self
                .script(script, &[json!(selector.0), json!(name)])
                .await?;
            let matches = value.as_deref() == Some(wanted);
            seen.replace(value);
            Ok(matches.then_some(()))
        });
        found
            .await
            .with_context(|| format!("last seen: {:?}", seen.borrow()))
    }

    /// Whether a person can see an element.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub async fn shows(&self, selector: &Selector) -> Result<bool> {
        match self
            .session
            .driver
            .find_all(By::Css(selector.0.as_str()))
            .await?
            .first()
        {
            Some(element) => Ok(element.is_displayed().await.unwrap_or(false)),
            None => Ok(false),
        }
    }

    /// The text of an element as a person sees it.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub async fn text(&self, selector: &Selector) -> Result<String> {
        Ok(self.find(selector).await?.text().await?)
    }

    /// The messages that are drawn.
    ///
    /// # Errors
    ///
    /// When one does not say what it is.
    pub async fn dots(&self) -> Result<Vec<Dot>> {
        self.data(&by("message")).await
    }
}
