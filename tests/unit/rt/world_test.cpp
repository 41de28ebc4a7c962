// The test world itself.
#include "net/rt/task_group.hpp"
#include "tests/support/world/world.hpp"

#include <gtest/gtest.h>

#include <string>

namespace rt = lakeferry::rt;
using namespace std::chrono_literals;
using rt::awaitable;
using lakeferry::test::world;

// The same seed replays the same schedule; another seed does not.
TEST(World, IsAFunctionOfItsSeed)
{
    const auto trace = [](std::uint64_t seed) {
        world w(seed);
        std::string out;
        w.run([](world& w, std::string& out) -> awaitable<void> {
            rt::task_group group(w.io.get_executor(), nullptr);
            for (char id = 'a'; id != 'f'; ++id) {
                group.spawn({id}, [](world& w, std::string& out, char id) -> awaitable<void> {
                    for (int i = 0; i < 20; ++i) {
                        co_await rt::sleep_for(w.time, std::chrono::milliseconds(w.rng() % 1000));
                        out += id;
                    }
                }(w, out, id));
            }
            co_await group.join();
        }(w, out));
        return out;
    };
    EXPECT_EQ(trace(1), trace(1));
    EXPECT_NE(trace(1), trace(2));
}
