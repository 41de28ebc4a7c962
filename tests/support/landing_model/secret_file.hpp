// A file that holds the scripted workspace's client secret, as an operator would keep it: mode 0600.
#pragma once

#include <string>

namespace lakeferry::test {

// Path of a new file; the caller removes it.
std::string write_secret_file();

}  // namespace lakeferry::test
