//! The wire: SupplierService as suppliers offer it, and the scheduler's services as they call them. Nothing outside
//! this module names `proto`.

mod activation;
mod scheduler;
mod service;

pub(crate) use scheduler::{DueList, DueRow, Invited, SchedulerClient};
