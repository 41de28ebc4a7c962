// Executes the statements of an erasure on the small model of Delta tables: evaluates their conditions row by row.
#pragma once

#include "tests/support/fake_databricks/fake_workspace.hpp"

#include <optional>

namespace lakeferry::test {

// nullopt: the statement is not one of an erasure.
std::optional<fake_databricks::executed> erasure_statement(fake_databricks::fake_workspace& on,
                                                           const fake_databricks::statement_call& call);

}  // namespace lakeferry::test
