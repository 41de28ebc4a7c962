// Certificates for tests, made when they run: nothing secret lies in the repository and nothing expires.
#pragma once

#include <string>
#include <vector>

namespace lakeferry::test {

// A directory that goes away with its files.
class temporary_directory {
public:
    temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory();
    std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

struct certificate_files {
    std::string certificate{};
    std::string key{};
    std::string authority{};  // what a client must trust
};

struct certificate_wish {
    std::vector<std::string> names{"localhost"};  // host names, or addresses written out
    int from_days = -1;                            // relative to today
    int to_days = 1;
};

// A certificate signed by an authority of its own, as PEM files that begin with `name`.
certificate_files make_certificate(const temporary_directory& in, const std::string& name,
                                   const certificate_wish& wish = {});

}  // namespace lakeferry::test
