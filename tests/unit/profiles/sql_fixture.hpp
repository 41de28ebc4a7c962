// Where the statements of these tests go, and what they are labelled with.
#pragma once

#include "sync/profiles/landing_sql.hpp"

namespace lakeferry::test {

inline const profiles::place at{"main", "acme", "lakeferry"};
inline const profiles::statement_label label{"acme", 7, 12};

}  // namespace lakeferry::test
