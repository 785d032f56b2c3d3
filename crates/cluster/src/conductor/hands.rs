//! Clients whose operations somebody outside chooses, one by one: for tests that predict what each
//! answer must be. They work as those of a workload do.

use bytes::Bytes;
use types::{
    action::OperationId,
    id::{ClientId, StoreId},
    store::Command,
};

use super::Conductor;
use crate::client::Client;

impl Conductor {
    /// Gives a command to the client `client`, which comes into being with its first one and whose
    /// operations are part of the history. It is not recorded: no replay can follow such a run.
    ///
    /// # Panics
    ///
    /// While the run is recorded ([`Conductor::stop_recording`]).
    pub fn drive(&mut self, client: ClientId, command: Command) -> OperationId {
        self.drive_via(client, command, None)
    }

    /// [`Conductor::drive`] by a client that asks `via`, where that is given, and nobody else.
    ///
    /// # Panics
    ///
    /// As [`Conductor::drive`].
    pub fn drive_via(
        &mut self,
        client: ClientId,
        command: Command,
        via: Option<StoreId>,
    ) -> OperationId {
        assert!(self.recorder.is_none(), "a recorded run is driven by hand");
        let region = self.region.clone();
        self.clients.entry(client).or_insert_with(|| {
            let mut fresh = Client::new(client, region, None);
            fresh.record();
            fresh
        });
        let operation = self.with_client(client, |client, desk| client.submit(command, via, desk));
        operation.expect("the client is there")
    }

    /// Lets a client that was to ask one store look for others from now on.
    pub fn ask_anyone(&mut self, client: ClientId, operation: OperationId) {
        self.with_client(client, |client, _| client.ask_anyone(operation));
    }

    /// Where the region ended to which a remembered operation was sent last; empty for the end of
    /// all keys. A scan that was answered ends there at the latest: a region of another shape
    /// refuses it.
    #[must_use]
    pub fn scanned_to(&self, client: ClientId, operation: OperationId) -> Option<Bytes> {
        self.clients.get(&client)?.scanned_to(operation)
    }
}
