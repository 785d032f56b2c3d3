//! The one wasm module of the workers; what it does is decided by the worker's name.

fn main() {
    engine::start();
}
