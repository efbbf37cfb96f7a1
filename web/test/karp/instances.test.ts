// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { compareInstances, Instances, isInstance, nextInstance } from "../../src/karp/instances.ts";

test("the newest is the largest number, whatever its digits and the order of their arrival", () => {
    const instances = new Instances();
    for (const id of ["1736899200", "1736899200000", "999999999999", "foo", "", "1736899199999"]) instances.add(id);
    expect(instances.newest).toBe("1736899200000");
    instances.remove("1736899200000");
    expect(instances.newest).toBe("1736899199999");
    instances.clear();
    expect(instances.newest).toBeUndefined();
});

test("instances are digits only, and compare beyond 53 bits", () => {
    expect(["0", "007", "9".repeat(39)].every(isInstance)).toBe(true);
    expect(["", "-1", "1.5", "1e3", "9".repeat(40), "x"].some(isInstance)).toBe(false);
    expect(compareInstances("18446744073709551614", "18446744073709551615")).toBeLessThan(0);
    expect(compareInstances("007", "7")).toBe(0);
});

test("a clock that goes back never makes an older instance", () => {
    expect(nextInstance(1000.7)).toBe(1000);
    expect(nextInstance(1000, 5000)).toBe(5001);
});

test("more than 64 are not kept", () => {
    const instances = new Instances();
    for (let i = 1; i <= 100; i++) instances.add(String(i));
    expect(instances.newest).toBe("64");
});
