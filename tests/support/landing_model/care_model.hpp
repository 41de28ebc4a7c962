// Statements of table care on the model of Delta tables: change of a column's type, sweeps.
#pragma once

#include "tests/support/fake_databricks/fake_workspace.hpp"

#include <string>

namespace lakeferry::test {

// CREATE OR REPLACE TABLE `t` … AS SELECT … CAST(coalesce(…) AS TYPE) AS `column` …: the table forgets the files that were
// copied into it, and the column its comment.
fake_databricks::executed retype_in_model(fake_databricks::fake_workspace& on, const std::string& table,
                                          const std::string& statement);
// SELECT count_if(…) AS lost, count_if(…) AS back.
fake_databricks::executed check_in_model(fake_databricks::fake_workspace& on, const std::string& table,
                                         const std::string& statement);
// DELETE FROM `t` WHERE `seq` < CAST(n AS BIGINT).
fake_databricks::executed sweep_in_model(fake_databricks::fake_workspace& on, const std::string& table, long long below);

}  // namespace lakeferry::test
