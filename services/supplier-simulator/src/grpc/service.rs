//! SupplierService on the wire.

use ods::{Capability, PracticeCode, Supplier};
use proto::supplier::v1 as wire;
use proto::supplier::v1::supplier_service_server::{SupplierService, SupplierServiceServer};
use server::Server;
use tonic::{Request, Response, Status};

use super::activation::{activation, invalid, key_from_wire};
use crate::simulator::{Answer, Simulator, SimulatorError};
use evidence::{Direction, Key};

/// The page of ListEnabledPractices: practices are 40 bytes each, so a thousand are far below a message's limit.
const ENABLED_PRACTICES: api::PageLimits = api::PageLimits { default: 1_000, max: 1_000 };

#[tonic::async_trait]
impl SupplierService for Simulator {
    async fn request_activation(
        &self,
        request: Request<wire::RequestActivationRequest>,
    ) -> Result<Response<wire::RequestActivationResponse>, Status> {
        let request = request.into_inner();
        let (supplier, key) = addressed(&request.supplier, request.key, Some(Direction::Enable))?;
        let answer = self.request(&supplier, &key).await.map_err(|error| refuse(&error))?;
        let activation = Some(heard(&key, &answer)?);
        Ok(Response::new(wire::RequestActivationResponse { activation }))
    }

    async fn request_deactivation(
        &self,
        request: Request<wire::RequestDeactivationRequest>,
    ) -> Result<Response<wire::RequestDeactivationResponse>, Status> {
        let request = request.into_inner();
        let (supplier, key) = addressed(&request.supplier, request.key, Some(Direction::Disable))?;
        let answer = self.request(&supplier, &key).await.map_err(|error| refuse(&error))?;
        let activation = Some(heard(&key, &answer)?);
        Ok(Response::new(wire::RequestDeactivationResponse { activation }))
    }

    async fn get_activation(
        &self,
        request: Request<wire::GetActivationRequest>,
    ) -> Result<Response<wire::GetActivationResponse>, Status> {
        let request = request.into_inner();
        let (supplier, key) = addressed(&request.supplier, request.key, None)?;
        let outcome = self.outcome(&supplier, &key).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(wire::GetActivationResponse { activation: Some(activation(&key, outcome)) }))
    }

    async fn cancel_activation(
        &self,
        request: Request<wire::CancelActivationRequest>,
    ) -> Result<Response<wire::CancelActivationResponse>, Status> {
        let request = request.into_inner();
        let (supplier, key) = addressed(&request.supplier, request.key, None)?;
        let outcome = self.close(&supplier, &key).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(wire::CancelActivationResponse { activation: Some(activation(&key, outcome)) }))
    }

    async fn list_enabled_practices(
        &self,
        request: Request<wire::ListEnabledPracticesRequest>,
    ) -> Result<Response<wire::ListEnabledPracticesResponse>, Status> {
        let request = request.into_inner();
        let page: api::Page<PracticeCode> = api::page!(request, ENABLED_PRACTICES)?;
        let supplier = supplier(&request.supplier)?;
        let capability = request.capability.parse().map_err(|error| invalid("capability", error))?;
        self.enabled_page(&supplier, &capability, &page).await.map(Response::new).map_err(|error| refuse(&error))
    }
}

impl Simulator {
    /// Adds SupplierService and what reflection tells of it.
    pub fn add_to(&self, server: Server) -> Server {
        server.descriptors(proto::FILE_DESCRIPTOR_SET).service(SupplierServiceServer::new(self.clone()))
    }

    async fn enabled_page(
        &self,
        supplier: &Supplier,
        capability: &Capability,
        page: &api::Page<PracticeCode>,
    ) -> Result<wire::ListEnabledPracticesResponse, SimulatorError> {
        let mut enabled = self.enabled(supplier, capability).await?;
        let as_of = self.clock().now();
        enabled.retain(|(practice, _)| page.after.is_none_or(|after| *practice > after));
        let next_page_token = match enabled.get(page.rows.saturating_sub(1)) {
            Some((last, _)) if enabled.len() > page.rows => page.next_page_token(last),
            _ => String::new(),
        };
        let practices = enabled.into_iter().take(page.rows).map(|(practice, on)| wire::EnabledPractice {
            practice: format!("practices/{practice}"),
            state: (if on.partial { wire::EnabledState::Partial } else { wire::EnabledState::On }).into(),
            since: Some(api::time::to_wire(on.since)),
            generation: on.generation,
        });
        Ok(wire::ListEnabledPracticesResponse {
            practices: practices.collect(),
            as_of: Some(api::time::to_wire(as_of)),
            next_page_token,
        })
    }
}

/// Whom a call means, and about which key; `direction` is the one that the call is for.
fn addressed(
    name: &str,
    key: Option<wire::ActivationKey>,
    direction: Option<Direction>,
) -> Result<(Supplier, Key), api::Error> {
    let supplier = supplier(name)?;
    let key = key.ok_or_else(|| api::Error::invalid("key", "FIELD_REQUIRED", "{field} is required"))?;
    let key = key_from_wire("key", &key)?;
    if direction.is_some_and(|direction| direction != key.direction) {
        return Err(api::Error::invalid("key.direction", "DIRECTION_WRONG", "{field} is not what this call is for"));
    }
    Ok((supplier, key))
}

fn supplier(name: &str) -> Result<Supplier, api::Error> {
    let id = api::validate::resource_id("supplier", name, "suppliers")?;
    id.parse().map_err(|error| invalid("supplier", error))
}

/// What the caller hears: the outcome, or, where the line is bad, nothing certain.
fn heard(key: &Key, answer: &Answer) -> Result<wire::Activation, api::Error> {
    if answer.lost {
        return Err(api::Error::unavailable("REPLY_LOST", "the line to the supplier broke; ask what became of {key}")
            .with("key", key));
    }
    Ok(activation(key, answer.outcome))
}

fn refuse(error: &SimulatorError) -> Status {
    match error {
        SimulatorError::UnknownSupplier(supplier) => {
            api::Error::not_found("SUPPLIER_NOT_FOUND", "{supplier} is not simulated here")
                .with("supplier", format!("suppliers/{supplier}"))
                .into()
        }
        SimulatorError::Log(_)
        | SimulatorError::TwoProfiles(_)
        | SimulatorError::Reply(_)
        | SimulatorError::Scheduler(_)
        | SimulatorError::Forged(_) => api::Error::internal(error).into(),
    }
}
