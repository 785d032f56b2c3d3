//! What the hunts have in common.

use std::collections::VecDeque;
use std::sync::Mutex;

/// Carries `work` out on two threads, in the order of `todo`.
pub(crate) fn on_two_threads<T: Send, R: Send>(
    todo: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let todo = Mutex::new(todo.into_iter().enumerate().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().expect("no panic").pop_front();
                    let Some((nth, item)) = next else { break };
                    let result = work(item);
                    done.lock().expect("no panic").push((nth, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no panic");
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Leaves a file for people in the `target` folder.
pub(crate) fn write_file(name: &str, text: &str) {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");
    std::fs::create_dir_all(target).expect("a target folder");
    std::fs::write(format!("{target}/{name}"), text).expect("a file");
}
