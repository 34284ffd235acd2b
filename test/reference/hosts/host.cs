using System;
using System.Reflection;
using Mono.CSharp;

// Runs the Call.cs of each folder that comes in a line, and says where its output ends.
public static class Host
{
    public static void Main()
    {
        for (var line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            var program = line + "/Call" + Guid.NewGuid().ToString("N") + ".exe";
            var wanted = new[] { "-r:System.Net.Http.dll", "-out:" + program, line + "/Call.cs" };
            if (!CompilerCallableEntryPoint.InvokeCompiler(wanted, Console.Error)) Environment.Exit(1);
            Assembly.LoadFile(program).EntryPoint.Invoke(null, null);
            Console.WriteLine("\n\u0004");
        }
    }
}
