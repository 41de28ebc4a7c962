// The log: every line is an event with a stable id, a level that means something, and fields.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::obs {

// error: an operator must act. warn: degraded and healing itself. info: a state changed. debug: the rest.
enum class level { debug, info, warn, error };

// Never a secret, never a body of a call or a row.
struct field {
    std::string key;
    std::string value;

    field(std::string_view k, std::string_view v) : key(k), value(v) {}
    field(std::string_view k, const std::string& v) : key(k), value(v) {}
    field(std::string_view k, const char* v) : key(k), value(v) {}
    template <std::integral I>
    field(std::string_view k, I v) : key(k), value(std::to_string(v))
    {
    }
    field(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
    // Three decimals: seconds, rates.
    field(std::string_view k, double v);
};

// Loop thread only, unless the implementation says otherwise.
class log {
public:
    virtual ~log() = default;
    // event: "sync.finished"; message: one sentence for people, with cause and cure where it is an error.
    virtual void write(level how, std::string_view event, std::string_view message, std::vector<field> fields) = 0;

    void debug(std::string_view e, std::string_view m, std::vector<field> f = {}) { write(level::debug, e, m, std::move(f)); }
    void info(std::string_view e, std::string_view m, std::vector<field> f = {}) { write(level::info, e, m, std::move(f)); }
    void warn(std::string_view e, std::string_view m, std::vector<field> f = {}) { write(level::warn, e, m, std::move(f)); }
    void error(std::string_view e, std::string_view m, std::vector<field> f = {}) { write(level::error, e, m, std::move(f)); }
};

}  // namespace lakeferry::obs
