// Keeps the statements that the daemon sends in tests, for another judge: the local workspace and a parser of the
// Databricks dialect read them afterwards (tests/workspace/conformance/test_every_statement.py).
#pragma once

#include <string>
#include <string_view>

namespace lakeferry::fake_databricks {

// A submit's body as it came, one JSON object a line, in a file of the running test's name below the folder that
// LAKEFERRY_STATEMENTS names; nothing where it is not set. Of statements that differ in names, texts and numbers
// only, a process keeps the first; of CREATE and ALTER all. The first one of a process begins the file anew.
void record_statement(std::string_view body, std::string_view text);

}  // namespace lakeferry::fake_databricks
