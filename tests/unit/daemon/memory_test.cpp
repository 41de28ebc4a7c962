#include "daemon/cli/memory.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

// Sanitizers have allocators of their own, which keep what is freed: there is no such test with them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LAKEFERRY_OTHER_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LAKEFERRY_OTHER_ALLOCATOR 1
#endif
#endif

#ifndef LAKEFERRY_OTHER_ALLOCATOR

namespace lakeferry::daemon {
namespace {

std::size_t resident_bytes()
{
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> statm(std::fopen("/proc/self/statm", "r"), &std::fclose);
    unsigned long total = 0;
    unsigned long resident = 0;
    if (!statm || std::fscanf(statm.get(), "%lu %lu", &total, &resident) != 2) return 0;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(Memory, WhatIsFreeBetweenBlocksInUseGoesBack)
{
    constexpr std::size_t block = std::size_t{64} << 10U;
    std::vector<std::unique_ptr<char[]>> blocks;
    for (int i = 0; i < 1024; ++i) {
        blocks.push_back(std::make_unique_for_overwrite<char[]>(block));
        std::memset(blocks.back().get(), 1, block);
    }
    for (std::size_t i = 0; i + 1 < blocks.size(); ++i)
        if (i % 4 != 0) blocks[i].reset();
    const std::size_t before = resident_bytes();
    return_memory();
    const std::size_t after = resident_bytes();
    EXPECT_LT(after + (std::size_t{30} << 20U), before);
    EXPECT_EQ(blocks.back()[0], 1);
}

}  // namespace
}  // namespace lakeferry::daemon

#endif
