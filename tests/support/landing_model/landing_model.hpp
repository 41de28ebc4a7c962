// Executes the landing's statements on the small model of Delta tables: an executor for the scripted workspace.
#pragma once

#include "tests/support/fake_databricks/fake_workspace.hpp"

namespace lakeferry::test {

// The workspace must outlive the executor. A statement that is not one of the landing's ends the process.
fake_databricks::executor landing_executor(fake_databricks::fake_workspace& on);

}  // namespace lakeferry::test
