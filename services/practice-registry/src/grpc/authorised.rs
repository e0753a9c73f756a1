//! Whose a practice is, as the register has it now: what policies are asked with.
//!
//! Every handler about a practice that is not for everybody asks here, before it decides anything. What the register says of
//! past or future places makes no difference: an area that a practice has left has no say any more.

use api::Error;
use authority::{Kind, Resource};
use ods::PracticeCode;
use practice::{State, View};

use crate::grpc::Handlers;
use crate::grpc::submit::Asked;

impl Handlers {
    /// Refuses what is not the caller's: the first of these practices that they may not do this to.
    pub(crate) fn authorise<R>(
        &self,
        asked: &Asked<R>,
        practices: impl IntoIterator<Item = PracticeCode>,
    ) -> Result<(), Error> {
        let resources = || {
            let published = self.engine.published();
            practices.into_iter().map(move |code| resource(&published.state, code))
        };
        Ok(asked.permission.on_each(resources)?)
    }
}

/// Of a practice that is not in the register only its code is known, so it is nobody's but its own.
fn resource(state: &State, code: PracticeCode) -> Resource {
    let resource = Resource::practice(code);
    let Some(view) = state.practice(code).map(View::current) else { return resource };
    resource
        .within(Kind::SubIcb, view.sub_icb())
        .within(Kind::Icb, view.icb())
        .within(Kind::Region, view.region())
        .within(Kind::Supplier, view.supplier())
}
