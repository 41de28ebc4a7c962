// Statements of fences and reports on the model of Delta tables, and the count that ends a run's last script.
#pragma once

#include "tests/support/fake_databricks/fake_workspace.hpp"
#include "tests/support/landing_model/sql_words.hpp"

#include <optional>
#include <string>

namespace lakeferry::test {

// MERGE INTO `t` AS t USING, and at the cursor: (SELECT * FROM VALUES …) or (SELECT …, replace(…) AS report FROM VALUES …
// CROSS JOIN (SELECT count(*) …)). Nullopt: something else stands there.
std::optional<fake_databricks::executed> fences_in_model(fake_databricks::fake_workspace& on, const std::string& table,
                                                         sql_cursor& at);
// SELECT count(*) AS num_affected_rows FROM, and at the cursor: `t` WHERE seq > a AND seq <= b AND (fence) < n.
fake_databricks::executed count_in_model(fake_databricks::fake_workspace& on, sql_cursor& at);

}  // namespace lakeferry::test
