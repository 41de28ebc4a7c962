// Expected failures as values, with a class that decides what happens next.
#pragma once

#include "net/rt/time.hpp"

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include <optional>
#include <string>
#include <utility>

namespace lakeferry::rt {

// never: repeating cannot help, somebody must act. transient: try again later. throttled: the peer
// asked to wait. reauth: the credential was refused, get another one once. unknown_outcome: it may
// or may not have happened; never repeat what is not idempotent, look first.
enum class retry_class { never, transient, throttled, reauth, unknown_outcome };

inline const char* to_string(retry_class c) noexcept
{
    switch (c) {
        case retry_class::never: return "never";
        case retry_class::transient: return "transient";
        case retry_class::throttled: return "throttled";
        case retry_class::reauth: return "reauth";
        case retry_class::unknown_outcome: return "unknown_outcome";
    }
    return "never";
}

// What went wrong, in words for the person who must act: detail says cause and, where known, cure;
// never a secret, never a body. id is a stable short name ("warehouse.forbidden") for logs, status
// and tests; empty where nobody tells the cases apart.
struct failure {
    retry_class retry = retry_class::never;
    std::string id{};
    std::string detail{};
    std::optional<duration> retry_after{};
    error_code code{};
};

// Found by argument-dependent lookup when value() is called on a failure.
[[noreturn]] inline void throw_exception_from_error(const failure& f, const boost::source_location&)
{
    throw boost::system::system_error(f.code, f.detail);
}

template <class T>
using outcome = boost::system::result<T, failure>;

}  // namespace lakeferry::rt
