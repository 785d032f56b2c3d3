//! Starts the page.

fn main() {
    app::view::start();
}
