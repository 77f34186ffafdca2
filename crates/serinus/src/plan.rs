//! The plan of an update: by its risk, and by what fits on the GPUs.

mod allocation;
mod change;
mod error;
mod explain;
mod fields;
mod fleet;
mod gpu;
mod margins;
mod planner;
mod seconds;
mod shadow;
mod stage;
mod update_plan;

pub use allocation::{Allocation, Step};
pub use change::{Change, Risk, Strategy};
pub use error::PlanError;
pub use fleet::Fleet;
pub use gpu::GpuBudget;
pub use margins::Margins;
pub use planner::{RiskPlanner, UpdatePlanner};
pub use shadow::Shadow;
pub use stage::Stage;
pub use update_plan::{Deadlines, OnMaxHold, UpdatePlan};
