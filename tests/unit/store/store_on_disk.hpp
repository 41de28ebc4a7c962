// A store on a disk that forgets, and its events by key.
#pragma once

#include "sync/store/store.hpp"
#include "tests/support/fake_disk/fake_disk.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace lakeferry::store {

inline std::unique_ptr<store> open_on(test::fake_disk& disk)
{
    auto opened = store::open({.directory = "/state", .env = disk.env()});
    if (opened.has_error()) {
        ADD_FAILURE() << opened.error().id << ": " << opened.error().detail;
        return nullptr;
    }
    return std::move(*opened);
}

inline rt::outcome<void> put(store& in, std::string_view key, std::string_view value, durable when = durable::yes)
{
    batch changes;
    changes.put(family::events, key, value);
    return in.write(std::move(changes), when);
}

inline std::string text(store& in, family where, std::string_view key)
{
    auto got = in.get(where, key);
    return got.has_value() && got->has_value() ? **got : "(nothing)";
}

}  // namespace lakeferry::store
