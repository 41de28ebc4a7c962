// The counts of rows in a run's last script, on the model of Delta tables.
#pragma once

#include "tests/support/fake_databricks/fake_workspace.hpp"
#include "tests/support/landing_model/sql_words.hpp"

namespace lakeferry::test {

// At the cursor, behind SELECT count(*) FROM: `t` WHERE seq > a AND seq <= b AND (fence) < n, or read_files(…) AS s LEFT SEMI JOIN
// `t` AS t ON t.`k` = s.`k` AND t.`c` >= CAST('x' AS y). One row with the count.
fake_databricks::executed count_in_model(fake_databricks::fake_workspace& on, sql_cursor& at);

}  // namespace lakeferry::test
